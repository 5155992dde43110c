# SPDX-License-Identifier: Apache-2.0
"""What a real browser does at the gate: AT-10, BY-02, BY-03, BY-04 in headless Chromium."""
import http.server
import re
import secrets
import threading

import pytest
from harness.gate import backend, eventually, free_port
from harness.person import Person
from webdriver import SHOTS, WebDriverError

PASSWORD = "correct-horse-" + secrets.token_hex(8)
SOCKET = ("window.state='opening'; window.mine=new WebSocket(arguments[0]); mine.onopen=()=>window.state='open'; "
          "mine.onclose=e=>window.state='closed '+e.code; mine.onmessage=e=>window.last=e.data;")


@pytest.fixture
def gate(start, book):
    book.add(PASSWORD, "the password")
    return start("--no-local-trust", tty=True, env={"SALLYPORT_PASSWORD": PASSWORD})


def sign_in(one, gate, path="/"):
    one.open(gate.origin + path)
    assert "/.sallyport/login?next=" in one.url
    if one.run("return !!document.querySelector('#user')"):
        one.type("#user", "owner")
    one.type("#password", PASSWORD).click("button[type=submit]")
    one.wait_for("return !location.pathname.startsWith('/.sallyport/')", what="signed in")
    keep_cookies(one, gate)
    return one


def keep_cookies(one, gate):
    for cookie in one.cookies.values():
        if len(cookie["value"]) >= 8:
            gate.book.add(cookie["value"], f"the cookie {cookie['name']}")


def test_AT_10_login_by_form_and_the_cookies_attributes(gate, browser):
    one = sign_in(browser(), gate, "/api/whoami")
    assert one.url == gate.origin + "/api/whoami", "back where we wanted to go"
    assert '"user"' in one.text
    ours = [c for c in one.cookies.values() if len(c["value"]) >= 43]
    assert len(ours) == 1, list(one.cookies)
    cookie = ours[0]
    assert cookie["httpOnly"] and cookie["sameSite"] == "Lax" and cookie["path"] == "/" and str(gate.port) in cookie["name"]
    assert cookie["value"] not in (one.run("return document.cookie") or "")


def test_AT_10_login_by_keyboard_alone_and_without_javascript(gate, browser):
    one = browser("--blink-settings=scriptEnabled=false")
    one.open(gate.origin + "/api/whoami")
    one.keys(("owner\ue004" if 'id="user"' in one.source else "") + PASSWORD + "\ue007")
    eventually(lambda: one.url == gate.origin + "/api/whoami", 15, "Enter signs in, the first field has the focus")
    keep_cookies(one, gate)


def test_AT_10_wrong_password_is_told_and_the_right_one_then_works(gate, browser):
    one = browser().open(gate.origin + "/")
    if 'id="user"' in one.source:
        one.type("#user", "owner")
    one.type("#password", "not the password").click("button[type=submit]")
    one.wait_for("return document.querySelector('[role=alert]')?.innerText", what="the page says why")
    assert "not the password" not in one.source
    if 'id="user"' in one.source and not one.run("return document.querySelector('#user').value"):
        one.type("#user", "owner")
    one.type("#password", PASSWORD).click("button[type=submit]")
    one.wait_for("return !location.pathname.startsWith('/.sallyport/')")
    keep_cookies(one, gate)


def test_AT_10_two_tabs_opened_before_either_signs_in(gate, browser):
    one = browser().open(gate.origin + "/?tab=1")
    first = one.send("GET", "window")
    second = one.send("POST", "window/new", {"type": "tab"})["handle"]
    one.send("POST", "window", {"handle": second})
    one.open(gate.origin + "/?tab=2")
    for handle, tab in ((first, 1), (second, 2)):
        one.send("POST", "window", {"handle": handle})
        if 'id="user"' in one.source:
            one.type("#user", "owner")
        one.type("#password", PASSWORD).click("button[type=submit]")
        one.wait_for(f"return location.search === '?tab={tab}'", what=f"tab {tab} signs in")
    keep_cookies(one, gate)


def test_BY_03_login_by_link(gate, browser):
    link = gate.link()
    one = browser().open(link)
    assert not any(len(c["value"]) >= 43 and c["value"].startswith("spc_") for c in one.cookies.values()), "opening alone signs nobody in"
    one.click("button[type=submit]")
    one.wait_for("return location.pathname === '/'", what="signed in by the link")
    keep_cookies(one, gate)
    assert "You are" in one.text
    assert "/.sallyport/link" not in one.source, "the tool is told the link as a Referer"
    other = browser().open(link)
    if other.run("return !!document.querySelector('button[type=submit]')") and "link" in other.url:
        other.click("button[type=submit]")
        other.wait_for("return document.querySelector('[role=alert]')?.innerText", what="that it was used is told")
    other.open(gate.origin + "/")
    assert "/.sallyport/login" in other.url, "the link signed in twice"


def test_BY_02_logout_cuts_a_live_websocket(gate, browser):
    one = sign_in(browser(), gate)
    one.run(SOCKET, gate.origin.replace("http", "ws") + "/ws")
    one.wait_for("return window.state === 'open' && window.last", what="the socket is open and ticks")
    events = "window.stream=new EventSource('/events'); stream.onmessage=()=>window.told='open'; stream.onerror=()=>{window.told='closed'; stream.close()};"
    one.run(events)
    one.wait_for("return window.told === 'open'")
    person = Person(gate)
    person.jar = {name: cookie["value"] for name, cookie in one.cookies.items()}
    assert person.logout().status in (302, 303)
    one.wait_for("return window.state.startsWith('closed')", 5, "the socket is cut")
    one.wait_for("return window.told === 'closed'", 5, "the event stream is cut")
    one.open(gate.origin + "/")
    assert "/.sallyport/login" in one.url


def test_AT_10_sign_out_on_the_page_of_ones_own_sign_ins(gate, browser):
    one = sign_in(browser(), gate)
    one.open(gate.origin + "/.sallyport/sessions")
    assert "sign-ins" in one.text
    one.click('form[action="/.sallyport/logout"] button')
    one.wait_for("return !location.pathname.endsWith('/sessions')")
    assert not any(len(c["value"]) >= 43 and c["value"].startswith("spc_") for c in one.cookies.values())


# -- BY-04: another origin ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def elsewhere():
    """A page of another origin on this machine: what a bad site could serve."""
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>elsewhere</title><body>elsewhere")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


FETCH = """const [url, options, done] = arguments;
fetch(url, options).then(async r => done({status: r.status, type: r.type, text: await r.text()})).catch(e => done({failed: String(e)}));"""
OPEN_SOCKET = """const [url, done] = arguments; const ws = new WebSocket(url);
ws.onopen = () => done('open'); ws.onerror = () => done('refused'); setTimeout(() => done('silence'), 5000);"""


@pytest.mark.parametrize("trust", ["signed in", "local trust"])
def test_BY_04_a_page_elsewhere_can_neither_read_nor_post_nor_open_a_websocket(start, book, browser, elsewhere, trust):
    book.add(PASSWORD, "the password")
    gate = start(*([] if trust == "local trust" else ["--no-local-trust"]), tty=True, env={"SALLYPORT_PASSWORD": PASSWORD})
    one = browser()
    if trust == "signed in":
        sign_in(one, gate)
    ws = gate.origin.replace("http", "ws") + "/ws"
    one.open(gate.origin + "/")
    assert one.run_async(OPEN_SOCKET, ws) == "open", "control: our own page may"
    assert one.run_async(FETCH, "/api/whoami", {})["status"] == 200
    assert one.run_async(FETCH, "/api/upload", {"method": "POST", "body": "x"})["status"] == 200
    seen = len([line for line in gate.audit() if line.get("path") == "/api/upload" and line.get("outcome") == "allowed"])

    one.open(elsewhere + "/")
    for options in ({}, {"credentials": "include"}, {"credentials": "include", "mode": "no-cors"}):
        got = one.run_async(FETCH, gate.origin + "/api/whoami", options)
        assert "failed" in got or (got["type"] == "opaque" and got["text"] == ""), got
    for options in ({"method": "POST", "body": "x", "credentials": "include", "mode": "no-cors"}, {"method": "POST", "body": "{}", "credentials": "include", "headers": {"Content-Type": "application/json"}},
                    {"method": "DELETE", "credentials": "include"}):
        one.run_async(FETCH, gate.origin + "/api/upload", options)
    assert one.run_async(OPEN_SOCKET, ws) == "refused"
    one.run("""const f = document.createElement('form'); f.method='post'; f.action=arguments[0]; f.enctype='text/plain';
               f.innerHTML='<input name=a value=b>'; document.body.append(f); f.submit()""", gate.origin + "/api/upload")
    one.wait_for(f"return location.href.startsWith('{gate.origin}')", what="the form was sent")
    assert "refused" in one.text.lower() or "sign in" in one.text.lower(), one.text
    after = len([line for line in gate.audit() if line.get("path") == "/api/upload" and line.get("outcome") == "allowed"])
    assert after == seen, "a post from elsewhere reached the tool"
    gate.audited(denial={"origin_not_allowed", "sec_fetch_not_allowed"})
    one.open(elsewhere + "/")
    one.run("const i=document.createElement('iframe'); i.src=arguments[0]; i.onload=()=>window.framed=1; document.body.append(i)", gate.origin + "/.sallyport/login")
    one.wait_for("return window.framed")
    frame = one.find("iframe")
    one.send("POST", "frame", {"id": {"element-6066-11e4-a52e-4f735466cecf": frame}})
    assert not one.run("return !!document.querySelector('#password')"), "the login page can be framed"


def test_BY_04_dns_rebinding_gets_421(start, browser):
    """A name of the attacker that resolves to this machine: with local trust, only the Host rule stands in between."""
    gate = start(tty=True)
    one = browser(f"--host-resolver-rules=MAP rebound.example 127.0.0.1:{gate.port}, MAP ours.example 127.0.0.1:{gate.port}")
    one.open(gate.origin + "/api/whoami")
    assert '"user"' in one.text, "control: by our own name the browser is trusted here"
    one.command("Page.setBypassCSP", enabled=True)  # so that the Host rule alone stops the script below
    try:
        one.open(f"http://rebound.example:{gate.port}/api/whoami")
    except WebDriverError:
        pass
    assert '"user"' not in one.source
    gate.audited(denial="host_not_allowed", status=421)
    got = one.run_async(FETCH, "/api/whoami", {})
    assert got.get("status") == 421, got
    assert one.run_async(OPEN_SOCKET, f"ws://rebound.example:{gate.port}/ws") == "refused"


def test_https_login_sets_the_host_cookie(start, book, browser):
    book.add(PASSWORD, "the password")
    port = free_port()
    gate = start("--no-local-trust", "--tls", "self-signed", listen=[f"127.0.0.1:{port}"], env={"SALLYPORT_PASSWORD": PASSWORD}, wait=None)
    import ssl
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    gate.address, gate.port, gate.tls, gate.tls_name = ("127.0.0.1", port), port, context, "localhost"
    gate.wait("tool")
    one = sign_in(browser("--ignore-certificate-errors"), gate)
    cookie = one.cookies[f"__Host-sallyport-{port}"]
    assert cookie["secure"] and cookie["httpOnly"] and cookie["sameSite"] == "Lax" and cookie["path"] == "/"
    assert one.run_async(OPEN_SOCKET, f"wss://127.0.0.1:{port}/ws") == "open"
    other = start("--no-local-trust", "--tls", "self-signed", env={"SALLYPORT_PASSWORD": PASSWORD}, wait=None)
    other.tls, other.tls_name = context, "localhost"
    other.wait("tool")
    sign_in(one, other)
    for each in (gate, other):
        one.open(each.origin + "/")
        assert "/.sallyport/" not in one.run("return location.pathname"), "both gates on this host keep their logins"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_login_page_looks_right_in_both_schemes(gate, browser, scheme):
    """A picture for a human look; here, that the colours differ and nothing is cut off, also on a telephone."""
    one = browser().open(gate.origin + "/")
    one.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    one.screenshot(SHOTS / f"login-{scheme}.png")
    background = [int(n) for n in re.findall(r"\d+", one.run("return getComputedStyle(document.documentElement).backgroundColor === 'rgba(0, 0, 0, 0)' ? "
                                                              "getComputedStyle(document.body).backgroundColor : getComputedStyle(document.documentElement).backgroundColor"))][:3]
    assert (sum(background) > 600) == (scheme == "light"), background
    for width in (900, 320):
        one.command("Emulation.setDeviceMetricsOverride", width=width, height=600, deviceScaleFactor=1, mobile=width < 500)
        assert one.run("return document.documentElement.scrollWidth") <= width, f"it scrolls sideways at {width}"
    one.screenshot(SHOTS / f"login-{scheme}-narrow.png")
    assert one.run("return document.querySelectorAll('input:not([type=hidden])').length === [...document.querySelectorAll('input:not([type=hidden])')].filter(i => i.labels.length).length"), \
        "each field has a label"
    assert one.run("return !!document.querySelector('main') && !!document.querySelector('h1') && document.documentElement.lang.length > 0")


def picture(one, name):
    """The whole page in both schemes and on a telephone, for a human look. It must not scroll sideways."""
    for scheme in ("light", "dark"):
        one.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        one.screenshot(SHOTS / f"{name}-{scheme}.png")
    one.command("Emulation.setDeviceMetricsOverride", width=320, height=600, deviceScaleFactor=1, mobile=True)
    one.screenshot(SHOTS / f"{name}-narrow.png")
    assert one.run("return document.documentElement.scrollWidth") <= 320, f"{name} scrolls sideways on a telephone"
    one.command("Emulation.clearDeviceMetricsOverride")


def test_the_other_pages_look_right(gate, start, browser):
    one = browser().open(gate.link())
    picture(one, "link")
    one.open(gate.origin + "/").type("#password", "not the password").click("button[type=submit]")
    one.wait_for("return document.querySelector('[role=alert]')?.innerText")
    picture(one, "wrong-password")
    one.type("#password", PASSWORD).click("button[type=submit]")
    one.wait_for("return !location.pathname.startsWith('/.sallyport/')")
    keep_cookies(one, gate)
    picture(one, "tool")
    one.open(gate.origin + "/.sallyport/sessions")
    picture(one, "sign-ins")
    slow = start(command=backend("child.py", "--port", "{port}", "--delay", "60", "--say", "reading <b>42</b> files"), wait="page")
    one.open(slow.origin + "/")
    one.wait_for("return document.body.innerText.includes('reading <b>42</b> files')")
    assert "is starting" in one.text
    picture(one, "starting")


def test_the_page_of_a_tool_that_starts_comes_back_by_itself(start, browser):
    gate = start(command=backend("child.py", "--port", "{port}", "--delay", "8"), wait="page")
    one = browser().open(gate.origin + "/")
    one.wait_for("return document.body.innerText.startsWith('ok from')", 40, "the page reloads until the tool answers")
