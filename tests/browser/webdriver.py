# SPDX-License-Identifier: Apache-2.0
"""A small WebDriver client for chromedriver: just what these tests need, standard library only."""
import base64
import http.client
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--window-size=900,700"]


SHOTS = Path(os.environ.get("SALLYPORT_BUILD", Path(__file__).resolve().parents[2] / "build")) / "screenshots"


class WebDriverError(Exception):
    pass


class Browser:
    def __init__(self, *flags, home=None):
        """`home`: whose trust store ($HOME/.pki/nssdb) judges certificates; without it any certificate will do."""
        self.profile = tempfile.mkdtemp(prefix="sp-chromium-")
        env = {**os.environ, "HOME": str(home)} if home else None
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env)
        port = None
        for line in self.driver.stdout:
            if match := re.search(r"started successfully on port (\d+)", line):
                port = int(match.group(1))
                break
        if port is None:
            raise WebDriverError("chromedriver did not start")
        self.address = ("127.0.0.1", port)
        self.session = None
        options = {"binary": shutil.which("chromium"), "args": [*FLAGS, f"--user-data-dir={self.profile}", *flags]}
        answer = self.call("POST", "/session", {"capabilities": {"alwaysMatch": {"browserName": "chrome", "acceptInsecureCerts": home is None, "goog:chromeOptions": options}}})
        self.session = answer["sessionId"]
        self.send("POST", "timeouts", {"pageLoad": 30000, "script": 30000, "implicit": 0})

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection(*self.address, timeout=60)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"})
            value = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(value, dict) and "error" in value:
            raise WebDriverError(f"{value['error']}: {value.get('message', '')[:300]}")
        return value

    def send(self, method, path, body=None):
        return self.call(method, f"/session/{self.session}" + (f"/{path}" if path else ""), {} if body is None and method == "POST" else body)

    def close(self):
        try:
            if self.session:
                self.send("DELETE", "")
        except (OSError, WebDriverError):
            pass
        self.driver.terminate()
        self.driver.wait()
        self.driver.stdout.close()
        shutil.rmtree(self.profile, ignore_errors=True)

    def open(self, url):
        self.send("POST", "url", {"url": url})
        return self

    @property
    def url(self):
        return self.send("GET", "url")

    @property
    def source(self):
        return self.send("GET", "source")

    @property
    def text(self):
        return self.run("return document.body ? document.body.innerText : ''")

    @property
    def cookies(self):
        return {cookie["name"]: cookie for cookie in self.send("GET", "cookie")}

    def find(self, css):
        return self.send("POST", "element", {"using": "css selector", "value": css})[ELEMENT]

    def click(self, css):
        self.send("POST", f"element/{self.find(css)}/click")
        return self

    def type(self, css, text):
        self.send("POST", f"element/{self.find(css)}/value", {"text": text})
        return self

    def keys(self, text):
        """Types into whatever has the focus."""
        actions = [step for char in text for step in ({"type": "keyDown", "value": char}, {"type": "keyUp", "value": char})]
        self.send("POST", "actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})
        return self

    def run(self, script, *arguments):
        return self.send("POST", "execute/sync", {"script": script, "args": list(arguments)})

    def wait_for(self, script, seconds=15, what=None):
        """Waits until a script's value is true. Returns it."""
        end = time.monotonic() + seconds
        while True:
            try:
                value = self.run(script)
            except WebDriverError:
                value = None
            if value:
                return value
            if time.monotonic() > end:
                raise AssertionError(f"not within {seconds} s: {what or script}; at {self.url}: {self.text[:300]}")
            time.sleep(0.05)

    def run_async(self, script, *arguments):
        """Runs a script whose last argument is the function to call with the result."""
        return self.send("POST", "execute/async", {"script": script, "args": list(arguments)})

    def screenshot(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self.send("GET", "screenshot")))

    def command(self, name, **parameters):
        """A DevTools command."""
        return self.send("POST", "goog/cdp/execute", {"cmd": name, "params": parameters})
