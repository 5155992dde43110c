# SPDX-License-Identifier: Apache-2.0
"""SG-17, MC-13: `sallyport doctor` finds nothing bad on the defaults, and everything that was planted."""
import os
import re
import subprocess

from harness.gate import ROOT, eventually, run_cli


def ids(done, severity=None):
    return [row["id"] for row in done.json() if severity in (None, row["severity"])]


def certificate(path, *options):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{path}.key",
                    "-out", path, "-subj", "/CN=test", *options], check=True, capture_output=True)


def test_SG_17_MC_13_no_failure_on_the_defaults(start, cli, folder):
    done = cli("doctor", "--json", "--state-dir", str(folder / "fresh"))
    assert done.status in (0, 1) and ids(done, "failure") == [], done
    gate = start()
    done = gate.command_line("doctor", "--json")
    assert "upstream.env-exposed" not in ids(done)
    assert done.status in (0, 1) and ids(done, "failure") == [], done
    gate.stop()
    assert ids(gate.command_line("doctor", "--json"), "failure") == []


def test_SG_17_a_prepared_bad_directory(start, book):
    gate = start()
    gate.stop()
    state = gate.state
    (state / "token").chmod(0o644)
    (state / "run").chmod(0o755)
    (state / "link").symlink_to("/etc/passwd")
    (state / "store.db").write_bytes(b"not a database")
    (state / "store.db").chmod(0o600)
    (state / "tls").mkdir(mode=0o700, exist_ok=True)
    certificate(state / "tls" / "nameless.crt", "-days", "365")
    (state / "tls" / "torn.crt").write_text("-----BEGIN CERTIFICATE-----\n")
    log = state / "audit.jsonl"
    log.write_bytes(log.read_bytes().replace(b"started", b"stopped", 1))
    config = gate.folder / "bad.yaml"
    config.write_text("insecurely_no_auth: true\n")
    planted = {"state.file-mode", "state.directory-mode", "state.symlink", "store.damaged", "certificate.no-names", "certificate.unreadable",
               "audit.chain", "setting.weakened", "environment.secret", "core.limit"}
    if os.getuid() == 0:
        (state / "foreign").write_text("")
        (state / "foreign").chmod(0o600)
        os.chown(state / "foreign", 12345, 12345)
        planted.add("state.owner")
    words = ("doctor", "--json", "--state-dir", str(state), "--config", str(config))
    done = run_cli(book, gate.home, *words, env={"MY_API_TOKEN": "hidden-value-1234"}, prefix=["sh", "-c", 'ulimit -Sc 1; "$@"; exit $?', "sh"])
    assert done.status == 3
    assert planted <= set(ids(done)), planted - set(ids(done))
    assert "hidden-value-1234" not in done.out + done.err
    text = run_cli(book, gate.home, *(w for w in words if w != "--json"))
    assert text.status == 3 and "FAIL  audit.chain: line 1 of " in text.out and "remedy: " in text.out
    for name, found in (("audit.jsonl.checkpoint", "audit.checkpoint"), ("audit.key", "audit.key")):
        os.rename(state / name, gate.folder / name)
        assert found in ids(run_cli(book, gate.home, *words))


def test_SG_17_a_dead_gateway_and_an_open_tool_are_found(start):
    gate = start(command=["python3", "-m", "http.server", "--bind", "127.0.0.1", "{port}"])
    assert "upstream.unauthenticated" in ids(gate.command_line("doctor", "--json"))
    gate.process.kill()
    gate.wait_exit()
    assert "gateway.silent" in ids(gate.command_line("doctor", "--json"))


def test_SG_17_what_the_gateway_says_of_its_own_health_is_found(start, folder, book):
    password = folder / "password"
    password.write_text(book.add("a-password-for-the-doctor", "the password") + "\n")
    password.chmod(0o600)
    gate = start("--password", f"file:{password}")
    assert "gateway.health" not in ids(gate.command_line("doctor", "--json"))
    password.chmod(0o644)
    eventually(lambda: "gateway.health" in ids(gate.command_line("doctor", "--json"), "failure"), 30, "the doctor says so")


def test_SG_17_a_credential_in_the_environment_is_found(start):
    gate = start("--env", "TOOL_SECRET={token}")
    assert "upstream.env-exposed" in ids(gate.command_line("doctor", "--json"), "warning")


def test_SG_17_bad_usage(cli, folder):
    assert cli("doctor", "--no-such").status == 2
    done = cli("doctor", "--config", str(folder / "none.yaml"))
    assert done.status == 2 and "none.yaml" in done.err


def test_SG_17_each_id_has_a_line_in_the_documentation():
    source = "".join(path.read_text() for path in [*(ROOT / "src/sallyport/doctor").glob("*.cc"), ROOT / "apps/sallyport/doctor_command.cc"])
    named = set(re.findall(r'"((?:state|store|certificate|setting|config|environment|core|limit|sandbox|clock|audit|gateway|upstream)\.[a-z-]+)"', source))
    named -= {name for name in named if name.endswith((".jsonl", ".key")) and name != "audit.key"}
    documented = set(re.findall(r"`([a-z]+\.[a-z-]+)`", (ROOT / "docs/doctor.md").read_text()))
    assert len(named) > 20 and named - {"store.db", "audit.jsonl"} <= documented, named - documented
