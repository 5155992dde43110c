# SPDX-License-Identifier: Apache-2.0
"""AT-10, BY-03: signing in by form and by one-time link, the cookie, sign-out, one's own sign-ins."""
import concurrent.futures
import re
import secrets
import urllib.parse

import pytest
from harness.gate import backend, eventually
from harness.person import NAVIGATE, Person, hidden_fields

PASSWORD = "correct-horse-" + secrets.token_hex(8)


@pytest.fixture(scope="module")
def gate(start_shared, book):
    book.add(PASSWORD, "the password")
    return start_shared("--no-local-trust", "--ready", "/ready", env={"SALLYPORT_PASSWORD": PASSWORD}, command=backend("faulty.py", "--port", "{port}"))


@pytest.fixture
def person(gate):
    return Person(gate)


def test_AT_10_login_page_needs_no_script_and_no_other_origin(person):
    page = person.get("/.sallyport/login")
    assert page.status == 200 and page.get("Content-Type").startswith("text/html")
    assert "<script" not in page.text.lower()
    assert not re.search(r'(src|href|action)="(https?:)?//', page.text)
    policy = page.get("Content-Security-Policy")
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert "no-store" in page.get("Cache-Control")
    assert page.get("X-Content-Type-Options") == "nosniff"
    assert page.get("Referrer-Policy") == "strict-origin", "no-referrer makes a browser post with Origin: null; same-origin tells the tool the path"
    assert '<html lang="' in page.text and "<label" in page.text and 'autocomplete="current-password"' in page.text
    assert 'method="post"' in page.text
    style = person.get("/.sallyport/style.css", {})
    assert style.status == 200 and style.get("Content-Type").startswith("text/css")
    assert "prefers-color-scheme" in style.text or "color-scheme" in style.text


def test_AT_10_login_by_form_and_the_cookie(gate, person):
    assert not person.is_in()
    answer = person.login(PASSWORD, next_target="/echo?a=1")
    assert answer.status in (302, 303), answer
    assert answer.get("Location") == "/echo?a=1"
    names = [name for name in answer.cookies if name.endswith(str(gate.port))]
    assert names, f"no cookie named after the port: {list(answer.cookies)}"
    value, attributes = answer.cookies[names[0]]
    assert "httponly" in attributes and attributes["samesite"].lower() == "lax" and attributes["path"] == "/"
    assert "domain" not in attributes and "secure" not in attributes, "plain loopback"
    assert len(value) >= 43
    assert person.is_in()
    gate.audited(event="login", outcome="allowed", how="password")


def test_AT_10_a_new_id_at_each_login(gate, person):
    """R9: what was in the jar before is not what is signed in afterwards."""
    cookie = f"sallyport-{gate.port}"
    person.login(PASSWORD)
    before = person.jar.pop(cookie)
    person.login(PASSWORD)
    assert len(person.jar[cookie]) >= 43 and person.jar[cookie] != before
    fixed = Person(gate)
    fixed.jar[cookie] = "spc_" + "A" * 43
    fixed.login(PASSWORD)
    assert "spc_" + "A" * 43 not in fixed.jar.values()


def test_AT_10_who_is_in_is_not_asked_again(person):
    person.login(PASSWORD)
    answer = person.get("/.sallyport/login?next=/echo")
    assert answer.status in (302, 303) and answer.get("Location") == "/echo"


WRONG = (PASSWORD + "x", PASSWORD[:-1], PASSWORD.upper(), " " + PASSWORD, "", "x" * 5000)


@pytest.mark.parametrize("tries", [WRONG[:3], WRONG[3:]], ids=["near", "far"])
def test_AT_10_wrong_password(start, tries):
    gate = start("--no-local-trust", env={"SALLYPORT_PASSWORD": PASSWORD})
    person = Person(gate)
    for wrong in tries:
        answer = person.login(wrong)
        assert answer.status in (400, 401, 403, 413), answer
        assert not any(len(v) >= 43 and v.startswith("spc_") for v in person.jar.values())
        assert not person.is_in()
        if len(wrong) > 8:
            assert wrong not in answer.text
    gate.audited(event="login", outcome="denied", denial="wrong_password")
    assert person.login(PASSWORD).status in (302, 303), "the right one still works"


def test_AT_10_guessing_is_locked_out_and_who_is_in_is_not(start):
    gate = start("--no-local-trust", env={"SALLYPORT_PASSWORD": PASSWORD})
    inside, guesser = Person(gate), Person(gate)
    inside.login(PASSWORD)
    answers = [guesser.login(f"guess {i}") for i in range(12)]
    assert answers[0].status == 401, "the first ones are free"
    assert answers[-1].status in (403, 429) and int(answers[-1].get("Retry-After")) >= 1, answers[-1]
    assert guesser.login(PASSWORD).status in (403, 429), "while the lock lasts the right one tells nothing either"
    assert inside.is_in() and gate.get("/", gate.bearer).status == 200
    gate.audited(event="login", outcome="denied", denial={"locked_out", "too_many"})


def test_AT_10_csrf(gate, person):
    form = person.open_login()
    form.update(password=PASSWORD)
    for spoiled in ({**form, "csrf": ""}, {**form, "csrf": "A" * len(form["csrf"])}, {k: v for k, v in form.items() if k != "csrf"}):
        assert person.post("/.sallyport/login", spoiled).status == 403
    stranger = Person(gate)
    stranger.open_login()
    assert stranger.post("/.sallyport/login", form).status == 403, "another browser's token"
    for change in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site", "Origin": None}):
        assert person.post("/.sallyport/login", form, **change).status == 403, change
    assert not person.is_in()
    assert person.post("/.sallyport/login", form).status in (302, 303), "the honest one"


def test_AT_10_many_tabs(gate, person):
    """Each tab's form works, whichever was opened last."""
    tabs = [person.open_login(f"/echo?tab={i}") for i in range(8)]
    for i in (3, 7, 0):
        answer = person.post("/.sallyport/login", {**tabs[i], "password": PASSWORD})
        assert (answer.status, answer.get("Location")) in ((302, f"/echo?tab={i}"), (303, f"/echo?tab={i}")), answer


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "multipart/form-data; boundary=x"])
def test_AT_10_only_a_form_is_a_login(person, kind):
    form = {**person.open_login(), "password": PASSWORD}
    assert person.post("/.sallyport/login", form, **{"Content-Type": kind}).status in (400, 403, 415)
    assert not person.is_in()


def test_AT_10_password_in_the_query_is_no_login(gate, person):
    form = {**person.open_login(), "password": PASSWORD}
    answer = person.get("/.sallyport/login?" + urllib.parse.urlencode(form))
    assert answer.status in (200, 400) and not person.is_in()
    assert PASSWORD not in answer.text


@pytest.mark.parametrize("target", [
    "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example", "http:evil.example", "javascript:alert(1)", "/\t/evil.example",
    "/\r\nLocation: https://evil.example", "/%0d%0aSet-Cookie:x=y", "/%5cevil.example", "/%2f%2fevil.example", " //evil.example", "/ /evil.example", "", "?x", "data:text/html,x",
    "/.sallyport/logout", "/..//evil.example", "/a/..//evil.example", "/\x00//evil.example", "/./\\evil.example", "@evil.example", "/\u2028/evil.example",
])
def test_R8_next_never_leads_elsewhere(gate, target):
    page = Person(gate).get("/.sallyport/login?next=" + urllib.parse.quote(target, safe=""))
    assert page.status in (200, 400)
    made = hidden_fields(page.text).get("next", "") if page.status == 200 else ""
    for value in (made, target):  # what the page made of it, and what an attacker would post
        person = Person(gate)
        answer = person.post("/.sallyport/login", {**person.open_login(), "password": PASSWORD, "next": value})
        location = answer.get("Location")
        if location is None:
            assert answer.status == 400
            continue
        assert len(answer.all("Location")) == 1
        path = location.split("?")[0]
        assert re.match(r"^/(?![/\\])", location) and not re.search(r"[\\\s\x00-\x20\x7f]", location), location
        assert "//" not in path and not path.startswith("/.sallyport/logout") and "/../" not in path
        assert "%5c" not in path.lower() and "%2f%2f" not in path.lower() and "%0d" not in path.lower()


def test_AT_10_logout(gate, person):
    person.login(PASSWORD)
    stolen = person.cookie
    assert person.is_in()
    assert gate.request("GET", "/.sallyport/logout", {"Cookie": stolen}).status in (404, 405), "a link must not sign out"
    assert person.post("/.sallyport/logout", {"csrf": "wrong"}).status == 403
    assert person.is_in()
    answer = person.logout()
    assert answer.status in (302, 303), answer
    assert not person.is_in()
    assert gate.get("/echo", {"Cookie": stolen}).status == 401, "the cookie is dead at the server, not only in the browser"
    gate.audited(event="logout")


def test_AT_10_own_sign_ins_are_listed_and_the_others_ended(gate):
    here, there = Person(gate), Person(gate)
    here.login(PASSWORD)
    there.login(PASSWORD)
    assert here.is_in() and there.is_in()
    page = here.get("/.sallyport/sessions")
    assert page.status == 200
    assert not any(len(value) > 20 and value in page.text for value in [*there.jar.values()]), "another sign-in's cookie is on the page"
    answer = here.post("/.sallyport/sessions", {"csrf": hidden_fields(page.text)["csrf"], "end": "others"})
    assert answer.status in (200, 302, 303)
    assert here.is_in() and not there.is_in()
    assert there.post("/.sallyport/sessions", {"csrf": hidden_fields(page.text)["csrf"], "end": "others"}).status in (401, 403, 302, 303)
    assert here.is_in()


def test_R14_tossed_cookies_do_not_shadow_ours(gate, person):
    """A sibling on the same host can set a cookie of our name for a longer path; ours still counts, and theirs never does."""
    person.login(PASSWORD)
    name, value = next((n, v) for n, v in person.jar.items() if n.endswith(str(gate.port)) and len(v) >= 43)
    junk = f"{name}=spc_" + "B" * 43
    for cookies in (f"{junk}; {name}={value}", f"{name}={value}; {junk}", f"{name}=; {name}={value}", f'{name}="x"; {name}={value}'):
        assert gate.get("/echo", {"Cookie": cookies}).status == 200, "ours is among them"
    assert gate.get("/echo", [("Cookie", junk), ("Cookie", f"{name}={value}")]).status in (200, 400)
    assert gate.get("/echo", {"Cookie": junk}).status == 401
    assert gate.get("/echo", {"Cookie": "; ".join([junk] * 200 + [f"{name}={value}"])}).status in (400, 401, 431), "the tries are bounded"


def test_SA_05_our_cookie_is_not_shown_to_the_backend_and_theirs_is(gate, person):
    person.login(PASSWORD)
    name = next(n for n, v in person.jar.items() if n.endswith(str(gate.port)) and len(v) >= 43)
    person.jar["theirs"] = "stays"
    told = person.get("/echo").json()
    cookies = [value for key, value in told["fields"] if key.lower() == "cookie"]
    assert cookies == ["theirs=stays"] or ("theirs=stays" in cookies[0] and name not in cookies[0]), cookies
    assert not any(v in str(told) for n, v in person.jar.items() if n != "theirs" and len(v) > 16)


def test_SA_05_the_backend_cannot_set_or_clear_our_cookie(gate, person):
    person.login(PASSWORD)
    name = next(n for n, v in person.jar.items() if n.endswith(str(gate.port)) and len(v) >= 43)
    answer = gate.get(f"/sets-cookie?name={name}", {"Cookie": person.cookie})
    assert name not in answer.cookies, "the backend's Set-Cookie under our name passed through"
    assert "other" in gate.get("/sets-cookie?name=other", {"Cookie": person.cookie}).cookies


def test_AT_10_cookie_alone_may_not_post_from_elsewhere(gate, person):
    person.login(PASSWORD)
    post = lambda **f: gate.request("POST", "/echo", person.fields(f), b"x").status  # noqa: E731
    assert post(Origin=gate.origin) == 200
    assert post(Origin="http://evil.example") == 403
    assert post(**{"Sec-Fetch-Site": "cross-site"}) == 403


# -- BY-03 ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def linked(start):
    # Wrong links by the dozen are tried here; that those who guess have to wait is shown in test_attacks.py.
    return start("--no-local-trust", tty=True, env={"SALLYPORT_LOCKOUT": "1000/5m"})


def test_BY_03_link_signs_in_once(linked):
    link = linked.link()
    first, second = Person(linked), Person(linked)
    answer = first.use_link(link)
    assert answer.status in (302, 303), answer
    assert answer.get("Location") == "/"
    assert first.is_in()
    again = second.use_link(link)
    assert again.status in (401, 403, 404, 410), again
    assert not second.is_in()
    linked.audited(event="login", outcome="allowed", how="login_link")
    linked.audited(event="login", outcome="denied", denial={"already_used", "unknown_credential"})


def test_BY_03_looking_at_the_link_does_not_spend_it(linked):
    """A chat program's preview, a mail scanner, a HEAD: none of them may use it up or sign in."""
    path = "/" + linked.link().split("/", 3)[3]
    preview = Person(linked)
    for method in ("GET", "HEAD", "GET"):
        answer = linked.request(method, path, {"User-Agent": "Slackbot-LinkExpanding 1.0"})
        assert answer.status == 200 and not any(len(v[0]) >= 43 and v[0].startswith("spc_") for v in answer.cookies.values())
    assert not preview.is_in()
    assert Person(linked).use_link(linked.link()).status in (302, 303)


def test_BY_03_one_of_64_racing_wins(linked):
    link = linked.link()
    people = [Person(linked) for _ in range(64)]
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        statuses = list(pool.map(lambda p: p.use_link(link).status, people))
    assert sum(status in (302, 303) for status in statuses) == 1, statuses
    assert sum(p.is_in() for p in people) == 1


def test_BY_03_wrong_links(linked):
    link = linked.link()
    path = "/" + link.split("/", 3)[3]
    for wrong in (path[:-1], path + "A", path[:-1] + ("A" if path[-1] != "A" else "B"), "/.sallyport/link/", "/.sallyport/link/spl_" + "A" * 43, path.replace("spl_", "spa_"), path + "/x"):
        answer = Person(linked).use_link("http://x" + wrong)
        assert answer.status in (400, 401, 403, 404, 410, 302), wrong
        assert answer.status != 302 or "/.sallyport/login" in answer.get("Location")
    person = Person(linked)
    assert person.use_link(link).status in (302, 303), "the right one is still good"


def test_BY_03_login_link_answer_is_not_kept(linked):
    path = "/" + linked.link().split("/", 3)[3]
    page = linked.get(path, NAVIGATE)
    assert "no-store" in page.get("Cache-Control") and page.get("Referrer-Policy") == "strict-origin"


def test_link_is_cut_from_the_audit_log(linked):
    link = linked.link()
    Person(linked).use_link(link)
    eventually(lambda: linked.audit())
    assert link.rsplit("/", 1)[1] not in (linked.state / "audit.jsonl").read_text()
