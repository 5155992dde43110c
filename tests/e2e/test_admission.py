# SPDX-License-Identifier: Apache-2.0
"""Who is let in: Host, Origin and Sec-Fetch rules, credentials, local trust, public paths, network rules, 302 or 401."""
import concurrent.futures
import json
import os
import secrets
import socket
import subprocess

import pytest
from harness.gate import backend, free_port
from harness.person import NAVIGATE, Person
from harness.wire import request_text

PASSWORD = "correct-horse-" + secrets.token_hex(8)
WRONG = {"Authorization": "Bearer spa_" + "A" * 43}


@pytest.fixture(scope="module")
def closed(start_shared):
    """A gate without local trust: everybody has to bring a credential."""
    return start_shared("--no-local-trust", "--public-path", "/health", "--ready", "/ready", command=backend("faulty.py", "--port", "{port}"))


@pytest.fixture(scope="module")
def trusting(start_shared):
    """A gate with its default: local trust."""
    return start_shared("--ready", "/ready", command=backend("faulty.py", "--port", "{port}"))


# -- BY-04: Host ------------------------------------------------------------------------------------------------


def test_BY_04_our_names_are_served(closed):
    for host in (f"127.0.0.1:{closed.port}", f"localhost:{closed.port}", f"LOCALHOST:{closed.port}"):
        assert closed.get("/echo", closed.bearer, host=host).status == 200, host


@pytest.mark.parametrize("host", [
    "evil.example", "evil.example:{port}", "127.0.0.1:1", "localhost", "127.0.0.1", "127.0.0.1.:{port}x", "127.0.0.1.evil.example:{port}",
    "localhost.evil.example:{port}", "user@127.0.0.1:{port}", "0.0.0.0:{port}", "127.1:{port}", "2130706433:{port}", "0x7f.1:{port}",
    "[::1:{port}", "127.0.0.1:{port}:{port}", "127.0.0.1:", "127.0.0.1:{port}/", "%6cocalhost:{port}", "localhost,evil.example:{port}",
])
def test_BY_04_every_other_host_gets_421_or_400(closed, host):
    for target, fields in (("/echo", closed.bearer), ("/health", {}), ("/.sallyport/login", {}), ("/.sallyport/auth/status", {})):
        answer = closed.get(target, fields, host=host.format(port=closed.port))
        assert answer.status in (421, 400), (target, answer)
        assert "spa_" not in answer.text and "spl_" not in answer.text


def test_BY_04_rebinding_answer_is_421_and_audited(closed, trusting):
    for gate in (closed, trusting):
        assert gate.get("/echo", gate.bearer, host=f"rebound.example:{gate.port}").status == 421
        gate.audited(denial="host_not_allowed", status=421)


def test_BY_04_host_missing_empty_or_twice(closed):
    for text in (b"GET /echo HTTP/1.1\r\n%s\r\n", b"GET /echo HTTP/1.1\r\nHost: \r\n%s\r\n", b"GET /echo HTTP/1.1\r\nHost: HOST\r\nHost: HOST\r\n%s\r\n",
                 b"GET /echo HTTP/1.1\r\nHost: HOST\r\nhost: evil.example\r\n%s\r\n"):
        data = text.replace(b"HOST", closed.host.encode()) % f"Authorization: Bearer {closed.token}\r\n".encode()
        answers, ended = closed.raw(data)
        assert [a.status for a in answers] in ([400], [421]), text
        assert ended


def test_BY_04_absolute_form_must_agree_with_host(closed):
    def ask(target, host):
        answers, _ = closed.raw(request_text("GET", target, host, closed.bearer))
        return answers[0].status
    assert ask(f"http://{closed.host}/echo", closed.host) == 200
    assert ask("http://evil.example/echo", closed.host) in (421, 400)
    assert ask(f"http://{closed.host}/echo", "evil.example") in (421, 400)
    assert ask(f"ftp://{closed.host}/echo", closed.host) in (421, 400)


def test_BY_04_public_url_adds_a_name(start):
    gate = start("--no-local-trust", "--public-url", "https://tool.example", env={"SALLYPORT_PASSWORD": PASSWORD})
    gate.book.add(PASSWORD, "the password")
    assert gate.get("/api/whoami", gate.bearer, host="tool.example").status == 200
    assert gate.get("/api/whoami", {**gate.bearer, "Origin": "https://tool.example"}, host="tool.example").status == 200
    assert gate.get("/api/whoami", gate.bearer, host="other.example").status == 421
    person = Person(gate, host="tool.example", origin="https://tool.example")
    assert person.login(PASSWORD).status in (302, 303)
    for origin, status in (("https://tool.example", 200), ("http://tool.example", 403), ("https://tool.example:444", 403), ("https://other.example", 403)):
        assert gate.request("POST", "/api/upload", {"Cookie": person.cookie, "Origin": origin}, b"x", host="tool.example").status == status, origin


@pytest.fixture
def behind_tls(start):
    """A plain listener behind a proxy that ends TLS: the browser's address is https."""
    gate = start("--no-local-trust", "--trusted-proxy", "192.0.2.1", "--public-url", "https://tool.example", "--public-url", "https://alt.example:8443",
                 env={"SALLYPORT_PASSWORD": PASSWORD})
    gate.book.add(PASSWORD, "the password")
    return gate


@pytest.mark.parametrize("host,name", [("tool.example", "__Host-sallyport"), ("tool.example:443", "__Host-sallyport"), ("alt.example:8443", "__Host-sallyport-8443")])
def test_AT_10_behind_a_proxy_that_ends_tls_the_cookie_is_secure(behind_tls, host, name):
    person = Person(behind_tls, host=host, origin="https://" + host.removesuffix(":443"))
    form = person.open_login()
    assert list(person.jar) == [name + "-form"]
    answer = person.post("/.sallyport/login", {**form, "password": PASSWORD}, {"X-Forwarded-Proto": "http"})
    value, attributes = answer.cookies[name]
    assert value.startswith("spc_") and "secure" in attributes and "httponly" in attributes and attributes["path"] == "/" and "domain" not in attributes
    assert not [cookie for cookie in answer.cookies if not cookie.startswith("__Host-")]
    assert person.is_in()
    told = dict(person.get("/api/whoami", {"Accept": "application/json"}).json()["headers"])
    assert told["X-Forwarded-Proto"] == "https" and "Cookie" not in told
    gone = person.logout()
    assert "secure" in gone.cookies[name][1] and not person.is_in(), "browsers take the deletion of a __Host- cookie only with Secure"


def test_AT_10_the_cookie_of_the_plain_door_is_not_taken_at_the_https_one(behind_tls):
    """Whoever can write cookies by http, a neighbour on the wire, may not toss one into the https origin."""
    local = Person(behind_tls)
    answer = local.login(PASSWORD)
    plain = f"sallyport-{behind_tls.port}"
    assert "secure" not in answer.cookies[plain][1] and local.is_in(), "by the listener's own name it is plain http"
    value = local.jar[plain]
    for name in (plain, "sallyport-443", "sallyport-80", "__Host-sallyport-443", f"__Host-sallyport-{behind_tls.port}"):
        assert behind_tls.get("/echo", {"Cookie": f"{name}={value}"}, host="tool.example").status == 401, name
    assert behind_tls.get("/echo", {"Cookie": f"__Host-sallyport={value}"}).status == 401, "nor the other way round"


# -- BY-04: Origin and Sec-Fetch ----------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1:{port}", "http://127.0.0.1:{port}.evil.example",
                                    "http://127.0.0.1:{port}/", "http://u@127.0.0.1:{port}", "file://", "garbage", "http://localhost:{port}, http://evil.example"])
def test_BY_04_foreign_origin_gets_403_under_local_trust(trusting, origin):
    """What a page elsewhere could do to a tool that trusts this machine: nothing."""
    field = {"Origin": origin.format(port=trusting.port)}
    for method in ("POST", "PUT", "DELETE", "GET"):
        answer = trusting.request(method, "/echo", field, b"x" if method != "GET" else b"")
        assert answer.status in (403, 401), (method, answer)
        assert "Access-Control-Allow-Origin" not in [name for name, _ in answer.fields]
    assert trusting.request("POST", "/echo", {"Origin": trusting.origin}, b"x").status == 200, "our own page may"


def test_BY_04_two_origins_are_refused(trusting):
    answer = trusting.request("POST", "/echo", [("Origin", trusting.origin), ("Origin", "http://evil.example")], b"x")
    assert answer.status in (400, 403)


def test_BY_04_log_names_expected_got_and_setting(trusting):
    trusting.request("POST", "/echo", {"Origin": "http://evil.example"}, b"x")
    line = trusting.audited(denial="origin_not_allowed")
    said = json.dumps(line) + trusting.text
    assert "evil.example" in said and "public-url" in said, line


@pytest.mark.parametrize("fields", [
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"},
    {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    {"Sec-Fetch-Site": "nonsense", "Sec-Fetch-Mode": "cors"},
])
def test_BY_04_cross_site_fetches_are_refused(trusting, fields):
    answer = trusting.get("/echo", fields)
    assert answer.status in (403, 401), answer
    assert trusting.get("/echo", {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}).status == 200


def test_BY_04_cross_site_post_by_form_is_refused(trusting):
    answer = trusting.request("POST", "/echo", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Origin": "http://evil.example",
                                                "Content-Type": "application/x-www-form-urlencoded"}, b"a=b")
    assert answer.status == 403


def test_preflight_gets_no_free_pass(closed):
    answer = closed.request("OPTIONS", "/echo", {"Origin": "http://evil.example", "Access-Control-Request-Method": "PUT"})
    assert answer.status in (401, 403)
    assert answer.get("Access-Control-Allow-Origin") is None
    assert closed.request("OPTIONS", "/echo").status == 401


# -- 302 or 401 -----------------------------------------------------------------------------------------------------


def test_302_for_a_page_navigation(closed):
    for fields in (NAVIGATE, {"Accept": "text/html"}, {"Accept": "application/xhtml+xml, text/html;q=0.9"}):
        for method in ("GET", "HEAD"):
            answer = closed.request(method, "/some/page?x=1&y=2", fields)
            assert answer.status == 302, (fields, answer)
            assert answer.get("Location") == "/.sallyport/login?next=%2Fsome%2Fpage%3Fx%3D1%26y%3D2"
            assert "no-store" in answer.get("Cache-Control", "")


@pytest.mark.parametrize("method,fields", [
    ("GET", {}), ("GET", {"Accept": "*/*"}), ("GET", {"Accept": "application/json"}), ("POST", {"Accept": "text/html"}), ("DELETE", NAVIGATE),
    ("GET", {"Accept": "text/html", "X-Requested-With": "XMLHttpRequest"}), ("GET", {"Accept": "text/html", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}),
])
def test_401_as_json_for_everything_else(closed, method, fields):
    answer = closed.request(method, "/api", fields)
    assert answer.status == 401, answer
    told = answer.json()
    assert told["error"] == "unauthenticated" and "/.sallyport/login" in told["login"]
    assert answer.get("WWW-Authenticate") == "Bearer"
    assert answer.get("Location") is None
    assert "no-store" in answer.get("Cache-Control", "")


def test_a_wrong_credential_is_answered_like_none(closed):
    without, wrong = closed.get("/api"), closed.get("/api", WRONG)
    assert (without.status, without.body) == (wrong.status, wrong.body) == (401, without.body)
    closed.audited(denial="unknown_credential")
    closed.audited(denial="no_credential")


# -- AT-03, AT-05: access tokens --------------------------------------------------------------------------------------


def test_AT_03_access_token_opens(closed):
    answer = closed.get("/echo", closed.bearer)
    assert answer.status == 200
    assert closed.token not in answer.text, "the client's own credential reached the backend"
    closed.audited(outcome="allowed", how="access_token")


@pytest.mark.parametrize("value", [
    "Bearer", "Bearer ", "Bearer  {token}", "Bearer {token} ", "bearer {token}x", "Bearer {token}A", "Bearer {short}", "Basic {token}", "Token {token}",
    "Bearer {lower}", "Bearer {token},{token}", "Bearer spa_", "Bearer é", "Bearer \"{token}\"", "Bearer sps_{tail}", "Bearer spb_{tail}", "Bearer {tail}",
])
def test_AT_03_AT_05_near_misses_are_refused(closed, value):
    token = closed.token
    value = value.format(token=token, short=token[:-1], lower=token.swapcase(), tail=token[4:])
    status = closed.get("/echo", {"Authorization": value}).status
    if value in (f"Bearer  {token}", f"Bearer {token} "):  # white space around is the wire's, not the token's
        assert status in (200, 401, 400)
    else:
        assert status in (401, 400), value


def test_AT_03_access_token_does_not_open_as_something_else(closed):
    assert closed.get("/echo", {"X-Session-Token": closed.token}).status == 401
    assert closed.get("/echo", {"Cookie": f"sallyport={closed.token}"}).status == 401
    assert closed.get(f"/echo?ticket={closed.token}").status == 401
    assert closed.get(f"/echo?token={closed.token}").status == 401


def test_several_credentials_in_one_request_are_refused(closed):
    for fields in ([*closed.bearer.items()] * 2, [*closed.bearer.items(), *WRONG.items()], [*closed.bearer.items(), ("X-Session-Token", "sps_" + "A" * 43)]):
        assert closed.get("/echo", fields).status in (400, 401), fields


def test_AT_03_generated_token_is_kept_private_and_kept(start):
    gate = start("--no-local-trust", token=False, wait="door")
    path = gate.state / "token"
    assert path.stat().st_mode & 0o777 == 0o600
    token = gate.book.add(path.read_text().strip(), "the generated token")
    assert token.startswith("spa_") and len(token) == 47
    gate.token = token
    gate.wait("tool")
    assert gate.get("/api/whoami", gate.bearer).status == 200
    gate.stop()
    again = start("--no-local-trust", token=False, state=gate.state, wait="door")
    assert path.read_text().strip() == token
    again.token = token
    again.wait("tool")
    assert again.get("/api/whoami", again.bearer).status == 200


def test_AT_03_public_path_by_whole_segment(closed):
    assert closed.get("/health").status == 200
    assert closed.get("/health?x=1").status == 200
    for target in ("/healthx", "/health/x", "/health/", "/Health", "//health", "/health/..", "/x/../health/../echo", "/health;x", "/health%2f..%2fecho", "/%68ealth/echo",
                   "/health%00", "/health#", "/health/../echo", "/./health/../echo", "/health\\..\\echo"):
        assert closed.get(target).status in (401, 400, 404), target
    assert closed.request("POST", "/health", {}, b"x").status == 401, "public is for reading"
    assert closed.request("DELETE", "/health").status == 401


@pytest.mark.parametrize("target", ["/health?next=/echo", "/echo?/health", "/echo#/health", "/echo;/health", "/echo?x=%2fhealth"])
def test_AT_03_nothing_but_the_path_makes_it_public(closed, target):
    answer = closed.get(target)
    assert answer.status == (200 if target.startswith("/health") else answer.status)
    if not target.startswith("/health"):
        assert answer.status in (401, 400)
    assert closed.get("/echo", {"User-Agent": "kube-probe/1.0"}).status == 401
    assert closed.get("/echo", {"X-Original-URL": "/health", "X-Forwarded-Uri": "/health", "X-Rewrite-URL": "/health"}).status == 401


# -- AT-01: local trust ------------------------------------------------------------------------------------------------


def test_AT_01_same_user_on_this_machine_needs_no_login(trusting):
    answer = trusting.get("/echo")
    assert answer.status == 200
    assert trusting.audited(outcome="allowed", how="local_peer")["peer_uid"] == os.getuid()


@pytest.mark.parametrize("field", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "x_forwarded_for", "X.Forwarded.For", "X-Real-IP", "Via",
                                   "Tailscale-User-Login", "CF-Connecting-IP", "X-Forwarded-Port", "X-FORWARDED-SERVER", "CF-Ray", "True-Client-IP", "X-Client-IP"])
def test_AT_01_a_forwarding_header_ends_local_trust(trusting, field):
    """A proxy or tunnel on the same machine makes every stranger a loopback peer."""
    assert trusting.get("/echo", {field: "127.0.0.1"}).status == 401
    assert trusting.get("/echo", {**trusting.bearer, field: "127.0.0.1"}).status == 200, "who has a credential is not hindered"


def test_AT_01_forwarding_proxy_on_the_same_machine(trusting):
    """As a plain proxy does it: our address, our uid, but it adds X-Forwarded-For, or changes Host."""
    relay = subprocess.Popen([*backend("relay.py"), "--to", str(trusting.port), "--add", "X-Forwarded-For: 203.0.113.7"], stdout=subprocess.PIPE)
    try:
        port = int(relay.stdout.readline())
        with socket.create_connection(("127.0.0.1", port), 10) as client:
            client.sendall(request_text("GET", "/echo", trusting.host, {"Connection": "close"}))
            assert client.recv(4096).startswith(b"HTTP/1.1 401")
        trusting.audited(denial="no_credential", detail="forwarded")
    finally:
        relay.terminate()
        relay.wait()


def test_AT_01_trusted_proxy_setting_turns_local_trust_off(start):
    gate = start("--trusted-proxy", "127.0.0.1/32")
    assert gate.get("/api/whoami").status == 401
    assert gate.get("/api/whoami", gate.bearer).status == 200


def test_AT_01_listener_beyond_loopback_turns_local_trust_off(start):
    port = free_port()
    gate = start("--tls", "off", "--insecurely-public", "--public-url", f"http://127.0.0.1:{port}", listen=[f"0.0.0.0:{port}"], wait=None)
    gate.address, gate.port = ("127.0.0.1", port), port
    gate.wait("tool")
    assert gate.get("/api/whoami").status == 401
    assert gate.get("/api/whoami", gate.bearer).status == 200


def test_AT_01_another_user_of_this_machine_has_to_log_in(trusting, stranger):
    def curl(*words):
        done = subprocess.run([*stranger, "curl", "-s", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}", *words], capture_output=True, text=True)
        return done.stdout
    assert curl(f"http://{trusting.host}/echo") == "401"
    assert curl(f"http://localhost:{trusting.port}/echo") == "401"
    assert curl("-H", f"Authorization: Bearer {trusting.token}", f"http://{trusting.host}/echo") == "200"
    assert trusting.audited(denial="no_credential", detail="foreign_uid")["peer_uid"] == 65534


def test_AT_01_switched_off(closed):
    assert closed.get("/echo").status == 401


# -- SG-08 on this door ----------------------------------------------------------------------------------------------------


def test_SG_08_deny_and_allow_by_the_sockets_address(start):
    gate = start("--deny", "127.0.0.2/32")
    assert gate.get("/", gate.bearer).status == 200
    answer = gate.get("/", {**gate.bearer, "X-Forwarded-For": "127.0.0.1"}, source=("127.0.0.2", 0))
    assert answer.status == 403
    gate.audited(denial="network_not_allowed")
    only = start("--allow", "127.0.0.3/32", wait=None)
    def status(source):
        try:
            return only.get("/", only.bearer, source=(source, 0)).status
        except OSError:
            return 0
    from harness.gate import eventually
    eventually(lambda: status("127.0.0.3") == 200, 20)
    assert status("127.0.0.1") == 403


# -- one decision under load ---------------------------------------------------------------------------------------------


def test_nothing_but_a_valid_credential_is_admitted_by_many_at_once(closed):
    def ask(i):
        good = i % 3 == 0
        return good, closed.get("/echo", closed.bearer if good else WRONG if i % 3 == 1 else {}).status
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for good, status in pool.map(ask, range(300)):
            assert status == (200 if good else 401)


def test_auth_status_tells_who_i_am(closed):
    who = closed.get("/.sallyport/auth/status", closed.bearer)
    assert who.status == 200 and "access_token" in who.text
    assert closed.token not in who.text
    assert closed.get("/.sallyport/auth/status").status in (200, 401)
    assert "access_token" not in closed.get("/.sallyport/auth/status").text


def test_unknown_own_page_never_reaches_the_backend(closed):
    for target in ("/.sallyport/nothing", "/.sallyport", "/.sallyport/", "/.sallyport/../echo", "/%2esallyport/login", "/.sallyport%2flogin"):
        answer = closed.get(target, closed.bearer)
        assert not answer.text.startswith("elsewhere") and answer.status in (200, 400, 401, 404, 301, 302, 303, 308), (target, answer)
        assert answer.status != 200 or "Sign in to" in answer.text, "only a page of ours, however its address was spelled"
