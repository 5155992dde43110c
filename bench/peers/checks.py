# SPDX-License-Identifier: Apache-2.0
"""Equal work first: every candidate has to give the same answers before any of them is measured."""

import http.client
import re
import socket
import ssl
import subprocess
import time

BODIES = {"/128": 128, "/100k": 100 * 1024, "/10m": 10 * 1024 * 1024}
WRONG_TOKEN = "spa_" + "A" * 43
TIMEOUT_SECONDS = 20


def insecure_tls():
    """A client context that trusts our throw-away certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def connect(endpoint):
    if endpoint.tls:
        return http.client.HTTPSConnection("127.0.0.1", endpoint.port, timeout=TIMEOUT_SECONDS,
                                           context=insecure_tls())
    return http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=TIMEOUT_SECONDS)


def get(connection, path, token):
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
    response = connection.getresponse()
    return response.status, response.read()


def wait_while_starting(endpoint):
    """Returns once the gateway no longer answers 503 for a tool that is still coming up."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        try:
            if get(connect(endpoint), "/128", endpoint.token)[0] != 503:
                return
        except (OSError, http.client.HTTPException):
            pass  # told apart and reported by the check that follows
        time.sleep(0.1)


def unequal_answers(candidate, endpoint):
    """The reason why this endpoint must not be compared, or "" when its answers are right."""
    try:
        connection = connect(endpoint)
        for path, size in BODIES.items():
            status, body = get(connection, path, endpoint.token)
            if status != 200 or len(body) != size:
                return f"GET {path}: status {status}, {len(body)} bytes"
        if candidate.checks_tokens:
            for token in (WRONG_TOKEN, None):
                status, _ = get(connect(endpoint), "/128", token)
                if status != 401:
                    return f"{'wrong' if token else 'no'} token: status {status}, not 401"
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def header_differences(candidate, endpoint):
    """What the request lacked or had too much of when it reached the tool."""
    if not candidate.rewrites_headers:
        return []
    status, head = get(connect(endpoint), "/echo", endpoint.token)
    if status != 200:
        return [f"/echo: status {status}"]
    lines = [line.partition(":") for line in head.decode("latin-1").splitlines()[1:] if ":" in line]
    seen = {name.strip().lower(): value.strip() for name, _, value in lines}
    host = f"127.0.0.1:{endpoint.port}"
    expected = {"host": host, "x-forwarded-for": "127.0.0.1", "x-forwarded-host": host,
                "x-forwarded-proto": "https" if endpoint.tls else "http"}
    found = [f"{name} is {seen.get(name)!r}" for name, value in expected.items()
             if seen.get(name) != value]
    if candidate.checks_tokens:
        if endpoint.token in head.decode("latin-1"):
            found.append("the client's token reaches the tool")
        if "x-forwarded-user" not in seen:
            found.append("no x-forwarded-user")
    return found


def tls_facts(endpoint):
    """What was negotiated; has to be the same for all: "TLSv1.3 CIPHER GROUP, resumed no, close_notify yes"."""
    context = insecure_tls()
    facts, session = [], None
    for _ in range(2):
        raw = socket.create_connection(("127.0.0.1", endpoint.port), timeout=TIMEOUT_SECONDS)
        with context.wrap_socket(raw, session=session, suppress_ragged_eofs=False) as tls:
            request = (f"GET /128 HTTP/1.1\r\nHost: 127.0.0.1:{endpoint.port}\r\nConnection: close\r\n"
                       f"Authorization: Bearer {endpoint.token}\r\n\r\n")
            tls.sendall(request.encode())
            try:
                while tls.recv(65536):
                    pass
                notify = "yes"
            except (ssl.SSLError, ConnectionResetError):
                notify = "no"
            facts = [tls.version(), tls.cipher()[0], key_group(endpoint.port) if session is None else facts[2],
                     f"resumed {'yes' if tls.session_reused else 'no'}", f"close_notify {notify}"]
            session = tls.session
    return ", ".join(facts)


def key_group(port):
    run = subprocess.run(["openssl", "s_client", "-brief", "-connect", f"127.0.0.1:{port}"],
                         stdin=subprocess.DEVNULL, capture_output=True, text=True,
                         timeout=TIMEOUT_SECONDS, check=False)
    match = re.search(r"Server Temp Key: (\S+?),", run.stdout + run.stderr)
    return match.group(1) if match else "unknown group"


def check(candidate):
    """Fills in the candidate's `missing` (not comparable) and `notes` (comparable, but differs)."""
    for flavour, endpoint in candidate.endpoints.items():
        reason = unequal_answers(candidate, endpoint)
        if reason:
            candidate.missing = f"unequal work ({flavour}): {reason}"
            return
        try:
            candidate.notes += [f"{flavour}: {d}" for d in header_differences(candidate, endpoint)]
            if endpoint.tls:
                candidate.tls_facts = tls_facts(endpoint)
        except (OSError, http.client.HTTPException, subprocess.SubprocessError) as error:
            candidate.notes.append(f"{flavour}: check failed: {type(error).__name__}: {error}")
