# SPDX-License-Identifier: Apache-2.0
"""Question: does the admin API do what its own OpenAPI document says?"""
import pytest

from harness.serving import Serving


@pytest.fixture
def gateway(folder, book):
    made = Serving(book, folder / "one", admin=True)
    yield made
    complaints = made.finish()
    assert not complaints, "\n".join(complaints)


def test_sa_06_the_document_is_printed_and_served(gateway, cli):
    printed = cli("config", "openapi")
    assert printed.status == 0
    document = printed.json()
    assert document["openapi"].startswith("3.1")
    assert gateway.api("GET", "/openapi.json").json() == document
    for path, operations in document["paths"].items():
        for method in operations.keys() & {"get", "post", "patch", "delete"}:
            if path == "/events":
                continue
            reply = gateway.api(method.upper(), path.replace("{id}", "none-such"))
            assert str(reply.status) in operations[method]["responses"], (method, path, reply)
