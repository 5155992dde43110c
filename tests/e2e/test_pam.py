# SPDX-License-Identifier: Apache-2.0
"""AT-02 with PAM: real modules, no privileges: pam_matrix keeps its own little password file."""
import secrets
from pathlib import Path

import pytest
from harness.person import Person

MATRIX = next(iter(Path("/usr/lib").glob("*/pam_wrapper/pam_matrix.so")), None)
pytestmark = pytest.mark.skipif(MATRIX is None, reason="SKIPPED: libpam-wrapper is not installed, so PAM is not tested")
SESAME, OPEN = "sesame-" + secrets.token_hex(6), "open-" + secrets.token_hex(6)


@pytest.fixture
def services(folder, book):
    book.add(SESAME, "a PAM password")
    book.add(OPEN, "a PAM password")
    directory = folder / "pam.d"
    directory.mkdir(mode=0o700)
    (directory / "passdb").write_text(f"alice:{SESAME}:sallyport\nbob:{OPEN}:sallyport\n")
    line = f"required {MATRIX} passdb={directory}/passdb\n"
    (directory / "sallyport").write_text("auth " + line + "account " + line)
    (directory / "other").write_text("auth required pam_deny.so\naccount required pam_deny.so\n")
    return directory


def login(gate, user, password):
    return Person(gate).login(password, user=user).status


def test_at_02_an_account_of_this_machine_signs_in(start, services):
    gate = start("--no-local-trust", "--auth", "pam", "--pam-user", "alice", "--pam-config-dir", str(services))
    assert login(gate, "alice", SESAME) in (302, 303)
    assert login(gate, "alice", OPEN) == 401
    assert login(gate, "bob", OPEN) == 401, "a right password of somebody who is not listed"
    assert login(gate, "nobody", SESAME) == 401


def test_at_02_pam_first_then_the_password_that_was_named(start, folder, book, services):
    password = book.add("plain-" + secrets.token_hex(8), "the password beside PAM")
    gate = start("--no-local-trust", "--auth", "pam", "--auth", "password", "--pam-user", "alice", "--pam-config-dir", str(services),
                 env={"SALLYPORT_PASSWORD": password})
    assert login(gate, "alice", SESAME) in (302, 303)
    assert login(gate, "", password) in (302, 303)
    assert login(gate, "", SESAME) == 401


@pytest.mark.parametrize("words, told", [
    (["--pam-service", "absent"], "--pam-service"),
    (["--pam-service", "../x"], "no name of a service"),
    (["--pam-user", "a:b"], "no user name"),
])
def test_at_02_what_cannot_work_is_told_at_the_start(cli, folder, services, words, told):
    answer = cli("run", "--state-dir", str(folder / "state"), "--listen", "127.0.0.1:0", "--auth", "pam", "--pam-user", "alice",
                 "--pam-config-dir", str(services), *words, "--", "true")
    assert answer.status == 2 and told in answer.err, answer
