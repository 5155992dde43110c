# SPDX-License-Identifier: Apache-2.0
"""MC-01 to MC-03, MC-09, MC-13: cookie commands. SG-18: precedence. SG-19: `config show`."""
import json
import re
import secrets
import string

import pytest

GOOD = secrets.token_urlsafe(32)


def test_MC_13_MC_01_generate(cli, book):
    seen = set()
    for _ in range(20):
        done = cli("cookie", "generate", shows=True)
        assert done.status == 0 and done.err == ""
        assert done.out.endswith("\n") and done.out.count("\n") == 1, "one line"
        value = book.add(done.out.strip(), "a magic cookie")
        assert len(value) >= 43 and set(value) <= set(string.ascii_letters + string.digits + "-_"), "256 bits, URL-safe"
        seen.add(value)
    assert len(seen) == 20


@pytest.mark.parametrize("length", [16, 32, 64, 1024])
def test_MC_01_generate_length(cli, book, length):
    done = cli("cookie", "generate", "--length", str(length), shows=True)
    assert done.status == 0
    assert len(book.add(done.out.strip(), "a magic cookie")) >= length * 8 // 6


@pytest.mark.parametrize("length", ["0", "-1", "1025", "999999999999999999999", "x", ""])
def test_MC_01_generate_length_out_of_range(cli, length):
    done = cli("cookie", "generate", "--length", length)
    assert done.status == 2 and done.out == "" and done.err


def test_MC_13_MC_03_check_accepts_what_generate_made(cli, book):
    value = book.add(cli("cookie", "generate", shows=True).out.strip(), "a magic cookie")
    for done in (cli("cookie", "check", value), cli("cookie", "check", "--strict", value), cli("cookie", "check", "-", input=value + "\n"),
                 cli("cookie", "check", "--env", "MY_COOKIE", env={"MY_COOKIE": value})):
        assert done.status == 0, done
        assert value not in done.out + done.err


@pytest.mark.parametrize("value", [
    "a" * 64, "ab" * 32, "abcdefghijklmnopqrstuvwxyz0123456789abcdef", "passwordpasswordpasswordpasswordpassword", "1234567890" * 5, "hello", "qwertyuiopasdfghjklzxcvbnmqwertyuiopasdf",
    "BASIC_PLUGIN_HELLO_AND_WELCOME", "changeme", "0" * 43, "a b c d e f g h i j k l m n o p q r s t u v w x y z", "x" * 5000, "\x01\x02\x03" * 20, "secretsecretsecretsecretsecretsecretsecret1",
], ids=lambda v: repr(v)[:24])
def test_MC_03_check_refuses_weak_ones_with_a_reason_and_never_the_value(cli, value):
    done = cli("cookie", "check", "--strict", "-", input=value)
    assert done.status == 3, done
    said = done.out + done.err
    assert said.strip(), "no reason"
    if len(value) >= 8:
        assert value not in said and value[:12] not in said


def test_MC_13_check_of_nothing(cli):
    assert cli("cookie", "check", "").status == 3
    assert cli("cookie", "check", "-", input="").status == 3
    assert cli("cookie", "check", "--env", "NOT_SET_AT_ALL").status == 3
    assert "NOT_SET_AT_ALL" in cli("cookie", "check", "--env", "NOT_SET_AT_ALL").err
    assert cli("cookie", "check", "--env", "EMPTY", env={"EMPTY": ""}).status == 3
    assert cli("cookie", "check").status == 2
    assert cli("cookie", "frobnicate").status == 2


def test_MC_13_json(cli, book):
    done = cli("cookie", "check", "--json", GOOD)
    assert done.status == 0 and isinstance(json.loads(done.out), dict) and book.add(GOOD, "a magic cookie") not in done.out
    done = cli("cookie", "check", "--json", "aaaaaaaaaaaa")
    assert done.status == 3 and json.loads(done.out) and "aaaaaaaaaaaa" not in done.out


# -- SG-18 -----------------------------------------------------------------------------------------------------------------------------


def shown(cli, *words, **keywords):
    done = cli("config", "show", *words, **keywords)
    assert done.status == 0, done
    return done.out


def value_of(text, name):
    line = next((line for line in text.splitlines() if re.match(rf"\s*-?-?{re.escape(name)}\b", line)), None)
    assert line is not None, f"{name} is not shown in:\n{text}"
    return line


def test_SG_18_precedence_default_file_environment_flag(cli, folder):
    config = folder / "sallyport.yaml"
    config.write_text("ready_timeout: 11s\nlogin_idle: 11m\nthreads: 1\n")
    base = shown(cli)
    assert "30s" in value_of(base, "ready-timeout") or "30s" in value_of(base, "ready_timeout")
    name = "ready-timeout" if "ready-timeout" in base else "ready_timeout"
    with_file = shown(cli, "--config", str(config))
    assert "11s" in value_of(with_file, name)
    with_env = shown(cli, "--config", str(config), env={"SALLYPORT_READY_TIMEOUT": "22s"})
    assert "22s" in value_of(with_env, name)
    with_flag = shown(cli, "--config", str(config), "--ready-timeout", "33s", env={"SALLYPORT_READY_TIMEOUT": "22s"})
    assert "33s" in value_of(with_flag, name)


def test_SG_18_precedence_on_the_running_gate(start, folder):
    config = folder / "sallyport.yaml"
    config.write_text("name: from-file\nno_local_trust: true\n")
    told = lambda gate: gate.get("/api/whoami", gate.bearer).json()["session"]  # noqa: E731
    gate = start("--config", str(config))
    assert told(gate) == "from-file" and gate.get("/api/whoami").status == 401
    assert told(start("--config", str(config), env={"SALLYPORT_NAME": "from-env"})) == "from-env"
    assert told(start("--config", str(config), "--name", "from-flag", env={"SALLYPORT_NAME": "from-env"})) == "from-flag"


@pytest.mark.parametrize("text", ["no_such_key: 1\n", "listen: nonsense\n", "a: [\n", "ready_timeout: 5\n", "password: \"\"\n", "password: ${NOT_SET_AT_ALL}\n", "name: a\nname: b\n", "- list\n"],
                         ids=repr)
def test_SG_18_a_bad_file_is_refused_with_its_line(cli, folder, text):
    config = folder / "bad.yaml"
    config.write_text(text)
    done = cli("config", "check", "--config", str(config))
    assert done.status == 2, done
    assert "bad.yaml" in done.err
    assert cli("run", "--config", str(config), "--", "true").status == 2


def test_SG_18_a_file_that_is_not_there(cli, folder):
    done = cli("run", "--config", str(folder / "none.yaml"), "--", "true")
    assert done.status == 2 and "none.yaml" in done.err


def test_SG_19_config_show_masks_secrets_and_shows_defaults(cli, book, folder):
    secret = book.add("hidden-" + secrets.token_hex(12), "a password")
    text = shown(cli, env={"SALLYPORT_PASSWORD": secret})
    assert secret not in text and secret[:10] not in text
    assert "127.0.0.1:7070" in text
    for word in ("tls", "auth", "local", "restart", "password"):
        assert word in text.lower()
    told = cli("config", "show", "--json", env={"SALLYPORT_PASSWORD": secret})
    assert told.status == 0 and json.loads(told.out) and secret not in told.out


def test_MC_09_a_secret_is_in_no_help_no_error_no_show(cli, book):
    secret = book.add("hidden-" + secrets.token_hex(12), "a password")
    for words in (["--help"], ["run", "--help"], ["config", "show"], ["run", "--no-such", "--", "true"], ["config", "check"], ["version"], ["doctor"]):
        done = cli(*words, env={"SALLYPORT_PASSWORD": secret, "SALLYPORT_TOKEN": secret, "PLUGIN_MAGIC_COOKIE": secret})
        assert secret not in done.out + done.err, words


def test_MC_09_core_dumps_are_off(start):
    gate = start()
    limits = open(f"/proc/{gate.process.pid}/limits").read()
    core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core.split()[4] == "0"


@pytest.mark.parametrize("words,named,meant", [
    (["nonsense"], "nonsense", None), (["sesion", "list"], "sesion", "session"), (["Serv"], "Serv", "serve"), (["runn", "--", "true"], "runn", "run"),
    (["session", "lst"], "session lst", "list"), (["cookie", "generat"], "cookie generat", "generate"), (["cert", "ca", "isue"], None, None),
    (["--frob"], "--frob", None), (["x" * 300], "x" * 20, None), (["\x1b[31mred"], "[31mred", None)])
def test_an_unknown_command_is_named_and_the_nearest_one_is_told(cli, words, named, meant):
    done = cli(*words)
    assert done.status == 2 and done.out == "" and "\x1b" not in done.err
    assert named is None or named in done.err
    assert (f"did you mean {meant}?" in done.err) if meant else "did you mean" not in done.err
    assert "--help" in done.err and len(done.err) < 400


def test_a_missing_command_is_wrong_usage(cli):
    for words in ([], ["session"], ["cookie"]):
        done = cli(*words)
        assert done.status == 2 and "subcommand is required" in done.err and "--help" in done.err


def test_results_on_stdout_and_messages_on_stderr(cli, folder):
    for words in (["session", "list"], ["run", "--no-such", "--", "true"], ["cookie", "generate", "--length", "0"]):
        done = cli(*words, *(["--state-dir", str(folder / "s")] if words[0] == "session" else []))
        assert done.status != 0 and done.out == "" and done.err, words
        assert len(done.err.strip().splitlines()) <= 6, "what a user sees is one clear line with the remedy"
