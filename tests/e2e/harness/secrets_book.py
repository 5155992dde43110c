# SPDX-License-Identifier: Apache-2.0
"""Every secret that a test run uses is written into this book. At the end, all output of all processes and all audit
logs are searched for them; a secret may stand only where the product shows it once."""
import base64
import re
import urllib.parse

# What our credentials look like. Anything of this shape in a log is a leak, whether or not a test knew it.
SHAPE = re.compile(rb"sp[a-z]_[A-Za-z0-9_-]{43}")


class SecretsBook:
    def __init__(self):
        self.secrets = {}   # bytes -> what it is
        self.texts = []     # (label, bytes, allowed: set of bytes, where it may stand)

    def add(self, secret, what):
        """Registers a secret. Returns it, so that the call can stand where the secret is made."""
        data = secret.encode() if isinstance(secret, str) else secret
        assert len(data) >= 8, f"{what}: too short to be searched for"
        self.secrets.setdefault(data, what)
        return secret

    def add_text(self, label, data, shown_once=()):
        """Keeps output for the search. `shown_once` are secrets that may stand in it exactly once each."""
        self.texts.append((label, data, {s.encode() if isinstance(s, str) else s for s in shown_once}))

    @staticmethod
    def spellings(secret):
        yield "as it is", secret
        quoted = urllib.parse.quote(secret, safe="").encode()
        if quoted != secret:
            yield "percent-encoded", quoted
        yield "in hex", secret.hex().encode()
        for user in (b"", b":", b"opencode:", b"admin:", b"sallyport:"):  # as HTTP Basic would carry it
            yield "in Base64", base64.b64encode(user + secret).rstrip(b"=")
        if SHAPE.fullmatch(secret):  # the first characters of a token are a leak too
            yield "its beginning", secret[:12]

    def leaks(self):
        """Returns one line for each secret found where it must not be. The line never holds the secret."""
        found = []
        for label, data, allowed in self.texts:
            rest = data
            for secret in allowed:
                if data.count(secret) > 1:
                    found.append(f"{label}: shown {data.count(secret)} times instead of once: {self.secrets.get(secret)}")
                rest = rest.replace(secret, b"")
            for secret, what in self.secrets.items():
                for spelling, text in self.spellings(secret):
                    if text in rest:
                        found.append(f"{label}: holds {what}, {spelling}")
                        break
            for match in SHAPE.finditer(rest):
                if match.group() not in self.secrets:
                    found.append(f"{label}: holds something of the shape {match.group()[:4].decode()}...")
        return found
