# SPDX-License-Identifier: Apache-2.0
"""The harness itself: the search for secrets finds what it should, and the faulty backend is as faulty as it claims."""
import base64
import secrets
import subprocess
import urllib.parse

import pytest
from harness.gate import backend, eventually, free_port
from harness.secrets_book import SecretsBook
from harness.wire import Closed, Wire, request_text


@pytest.mark.parametrize("spell", [
    lambda s: s, lambda s: "x" + s + "y", lambda s: s.encode().hex(), lambda s: base64.b64encode(s.encode()).decode(), lambda s: base64.b64encode(f"opencode:{s}".encode()).decode(),
    lambda s: urllib.parse.quote(s, safe=""), lambda s: s[:14] + "...",
])
def test_MC_09_a_planted_secret_is_found_in_every_spelling(spell):
    own = SecretsBook()
    secret = own.add("spa_" + secrets.token_urlsafe(32), "a token")
    own.add_text("log", f"before {spell(secret)} after".encode())
    leaks = own.leaks()
    assert leaks and secret not in " ".join(leaks) and secret[:12] not in " ".join(leaks)


def test_MC_09_a_password_of_any_shape_is_found():
    own = SecretsBook()
    own.add("pass word/&?", "a password")
    own.add_text("log", b"next=pass%20word%2F%26%3F")
    assert own.leaks()


def test_MC_09_what_may_be_shown_once_is_found_when_shown_twice():
    own = SecretsBook()
    link = own.add("spl_" + secrets.token_urlsafe(32), "a link")
    own.add_text("output", link.encode(), shown_once=[link])
    assert own.leaks() == []
    own.add_text("output", f"{link} {link}".encode(), shown_once=[link])
    assert own.leaks()


def test_MC_09_a_credential_that_no_test_knew_is_found_by_its_shape():
    own = SecretsBook()
    own.add_text("log", b"token=sps_" + b"A" * 43)
    assert own.leaks()
    clean = SecretsBook()
    clean.add_text("log", b"sps_[cut] and nothing more")
    assert clean.leaks() == []


def test_the_faulty_backend_is_faulty():
    """Asked directly, each path shows its fault: so a gate that hides it has done something."""
    port = free_port()
    tool = subprocess.Popen(backend("faulty.py", "--port", str(port)), stderr=subprocess.DEVNULL)

    def ask(path):
        with Wire(("127.0.0.1", port), timeout=5) as wire:
            return wire.send(request_text("GET", path, "x")).answer()

    try:
        eventually(lambda: _well(ask))
        assert ask("/echo").json()["target"] == "/echo"
        for path in ("/closes", "/resets", "/half-head", "/dies-mid-length", "/dies-mid-chunk"):
            with pytest.raises((Closed, ValueError)):
                ask(path)
        for path in ("/garbage",):
            with pytest.raises(AssertionError):
                ask(path)
        assert len(ask("/two-lengths").all("Content-Length")) == 2
        assert ask("/length-and-chunked").get("Transfer-Encoding")
        assert ask("/unasked-101").status == 101
        assert ask("/eof-body").text == "until the end"
    finally:
        tool.terminate()
        tool.wait()


def _well(ask):
    try:
        return ask("/ready").status == 200
    except OSError:
        return False
