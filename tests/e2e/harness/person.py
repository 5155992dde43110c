# SPDX-License-Identifier: Apache-2.0
"""A person at a browser without JavaScript: keeps cookies, follows nothing by itself, sends what a browser sends."""
import html
import re
import urllib.parse

NAVIGATE = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document", "Accept": "text/html,*/*;q=0.8"}


def hidden_fields(page):
    """The hidden fields of a page's first form that has any."""
    found = {}
    for tag in re.findall(r"<input[^>]*>", page):
        get = dict(re.findall(r'([a-z]+)="([^"]*)"', tag))
        if get.get("type") == "hidden":
            found[html.unescape(get["name"])] = html.unescape(get["value"])
    return found


class Person:
    def __init__(self, gate, host=None, origin=None):
        self.gate, self.jar = gate, {}
        self.host = host or gate.host
        self.origin = origin or gate.origin

    @property
    def cookie(self):
        return "; ".join(f"{name}={value}" for name, value in self.jar.items())

    def fields(self, extra=()):
        pairs = list(extra.items() if isinstance(extra, dict) else extra)
        return pairs + ([("Cookie", self.cookie)] if self.jar else [])

    def keep(self, answer):
        for name, (value, attributes) in answer.cookies.items():
            if attributes.get("max-age") == "0" or not value or "1970" in attributes.get("expires", ""):
                self.jar.pop(name, None)
            else:
                self.jar[name] = value
                if len(value) >= 8:
                    self.gate.book.add(value, f"the cookie {name}")
        return answer

    def get(self, target, fields=NAVIGATE):
        return self.keep(self.gate.request("GET", target, self.fields(fields), host=self.host))

    def post(self, target, form, fields=(), **changes):
        sent = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Accept": "text/html,*/*;q=0.8",
                "Content-Type": "application/x-www-form-urlencoded", **dict(fields), **changes}
        sent = {name: value for name, value in sent.items() if value is not None}
        return self.keep(self.gate.request("POST", target, self.fields(sent), urllib.parse.urlencode(form).encode(), host=self.host))

    def open_login(self, next_target=None):
        target = "/.sallyport/login" + ("" if next_target is None else "?next=" + urllib.parse.quote(next_target, safe=""))
        page = self.get(target)
        assert page.status == 200, page
        form = hidden_fields(page.text)
        assert form.get("csrf"), f"the login form has no CSRF field: {page.text}"
        self.gate.book.add(form["csrf"], "a CSRF token")
        return form

    def login(self, password, next_target=None, **changes):
        """Fills in the form as it is shown: with one owner it asks for no name. Returns the answer to the POST."""
        form = self.open_login(next_target)
        form.update({"password": password}, **changes)
        return self.post("/.sallyport/login", form)

    def use_link(self, link):
        """Opens a one-time link and presses its button. Returns the last answer."""
        path = "/" + link.split("/", 3)[3]
        page = self.get(path)
        if page.status != 200:
            return page
        form = hidden_fields(page.text)
        action = re.search(r'<form[^>]*action="([^"]*)"', page.text)
        return self.post(html.unescape(action.group(1)) if action else path, form)

    def is_in(self):
        """Whether the gate lets this person through to the tool."""
        status = self.get("/", {"Accept": "application/json"}).status
        assert status in (200, 401), status
        return status == 200

    def logout(self):
        page = self.get("/.sallyport/sessions")
        return self.post("/.sallyport/logout", {"csrf": hidden_fields(page.text).get("csrf", "")})
