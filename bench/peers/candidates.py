# SPDX-License-Identifier: Apache-2.0
"""The candidates: how each is configured and started. Configurations follow conf/*.in."""

import dataclasses
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess

import checks
import proc
from start_sallyport import start_sallyport

HERE = pathlib.Path(__file__).resolve().parent
FLAVOURS = ("tcp", "tls", "unix")


@dataclasses.dataclass
class Endpoint:
    """One way into a candidate: where it listens, and the processes that do its work."""

    port: int
    roots: list
    token: str
    tls: bool = False

    @property
    def origin(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"


@dataclasses.dataclass
class Candidate:
    name: str
    checks_tokens: bool = False
    flavours: tuple = FLAVOURS
    rewrites_headers: bool = True
    endpoints: dict = dataclasses.field(default_factory=dict)
    missing: str = ""  # why it is not measured: "not installed", a start error, unequal work
    tls_facts: str = ""  # what a TLS client negotiated
    notes: list = dataclasses.field(default_factory=list)

    # The tool behind a gateway is no part of its price.
    leave_out = ("peers_backend",)


def template(file, /, **values):
    """conf/FILE.in with @KEY@ filled in."""
    text = (HERE / "conf" / f"{file}.in").read_text()
    for key, value in values.items():
        text = text.replace(f"@{key.upper()}@", str(value))
    left = re.search(r"@[A-Z_]+@", "\n".join(l for l in text.splitlines() if not l.lstrip().startswith("#")))
    if left:
        raise proc.StartError(f"{file}.in: {left.group()} was not filled in")
    return text


def find_program(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin")
    if not path:
        raise proc.StartError("not installed")
    return path


def register(context, candidate, process, ports, also=()):
    """Waits for every port of `ports` (flavour → port) and makes them the candidate's endpoints."""
    for flavour, port in ports.items():
        context.processes.wait_for_port(process, port)
        candidate.endpoints[flavour] = Endpoint(
            port, [process.pid, *also], context.peer_token, flavour == "tls")


def start_ours(context, candidate, wanted):
    if not context.sallyport.exists():
        raise proc.StartError("not installed")
    candidate.flavours = tuple(f for f in FLAVOURS if f in wanted)
    for flavour in candidate.flavours:
        process, port, token = start_sallyport(context, candidate.name, flavour)
        candidate.endpoints[flavour] = Endpoint(port, [process.pid], token, flavour == "tls")
        checks.wait_while_starting(candidate.endpoints[flavour])


def start_relay(context, candidate, _wanted):
    upstreams = {"tcp": ["--port", context.backend_port], "unix": ["--unix", context.backend_unix]}
    for flavour, upstream in upstreams.items():
        port = context.ports.take()
        process = context.processes.start(
            f"{candidate.name}-{flavour}",
            [context.helper("peers_relay"), "--listen", port, *upstream], proc.PROXY_CORE)
        register(context, candidate, process, {flavour: port})


NGINX_BUFFERS_64K = ("proxy_buffer_size 64k; proxy_buffers 8 64k; proxy_busy_buffers_size 256k; "
                     "proxy_max_temp_file_size 0;")
NGINX_AUTH_REQUEST = """auth_request /_auth;
            auth_request_set $user $upstream_http_x_auth_user;
            proxy_set_header X-Forwarded-User $user;
            proxy_set_header Authorization "";"""
NGINX_AUTH_LOCATION = """location = /_auth {
            internal;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_set_header Connection "";
            proxy_pass http://auth;
        }"""


def start_nginx(context, candidate, _wanted):
    program = find_program("nginx")
    folder = context.folder / candidate.name
    folder.mkdir()
    with_auth = candidate.checks_tokens
    ports = {flavour: context.ports.take() for flavour in FLAVOURS}
    servers = "".join(
        template("nginx_server", listen=f"{port} ssl" if flavour == "tls" else port,
                 upstream="backend_unix" if flavour == "unix" else "backend_tcp",
                 auth_request=NGINX_AUTH_REQUEST if with_auth else "",
                 auth_location=NGINX_AUTH_LOCATION if with_auth else "")
        for flavour, port in ports.items())
    (folder / "nginx.conf").write_text(template(
        "nginx.conf", user="user root;" if os.geteuid() == 0 else "", servers=servers,
        buffers=NGINX_BUFFERS_64K if candidate.name == "nginx-64k" else "",
        backend_port=context.backend_port, backend_unix=context.backend_unix,
        auth_port=context.auth_port, cert=context.cert, key=context.key))
    process = context.processes.start(
        candidate.name, [program, "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr"],
        proc.PROXY_CORE)
    register(context, candidate, process, ports, [context.auth_pid] if with_auth else [])


def haproxy_check(context, kind):
    """The lines that look a bearer token up in a map file and refuse what is not in it."""
    if kind not in ("haproxy-map", "haproxy-sha256"):
        return ""
    convert = "sha2(256),hex," if kind == "haproxy-sha256" else ""
    return "\n    ".join([
        f"http-request set-var(txn.user) http_auth_bearer,{convert}map_str({context.folder / kind}.map)",
        "http-request deny deny_status 401 unless { var(txn.user) -m found }",
        "http-request set-header X-Forwarded-User %[var(txn.user)]",
        "http-request del-header Authorization"])


def start_haproxy(context, candidate, _wanted):
    program = find_program("haproxy")
    ports = {flavour: context.ports.take() for flavour in FLAVOURS}
    frontends = "\n".join(
        template("haproxy_frontend", name=flavour,
                 listen=f"{port} ssl crt {context.pem}" if flavour == "tls" else port,
                 scheme="https" if flavour == "tls" else "http",
                 upstream="backend_unix" if flavour == "unix" else "backend_tcp",
                 check=haproxy_check(context, candidate.name))
        for flavour, port in ports.items())
    big = candidate.name == "haproxy-64k"
    config = context.folder / f"{candidate.name}.cfg"
    config.write_text(template(
        "haproxy.cfg", splice="splice-response" if big else "splice-auto", frontends=frontends,
        backend_port=context.backend_port, backend_unix=context.backend_unix,
        **{"global": "tune.bufsize 65536" if big else ""}))
    process = context.processes.start(
        candidate.name, [program, "-db", "-f", config], proc.PROXY_CORE)
    register(context, candidate, process, ports)


def start_caddy(context, candidate, _wanted):
    program = find_program("caddy")
    with_auth = candidate.checks_tokens
    auth = (f"forward_auth 127.0.0.1:{context.auth_port} {{\n\t\turi /\n"
            "\t\tcopy_headers X-Auth-User>X-Forwarded-User\n"
            "\t\ttransport http {\n\t\t\tkeepalive_idle_conns_per_host 512\n\t\t}\n\t}")
    ports = {flavour: context.ports.take() for flavour in FLAVOURS}
    sites = "\n".join(
        template("caddy_site", scheme="https" if flavour == "tls" else "http", listen=port,
                 tls=f"tls {context.cert} {context.key}" if flavour == "tls" else "",
                 auth=auth if with_auth else "",
                 strip="header_up -Authorization" if with_auth else "",
                 upstream=f"unix/{context.backend_unix}" if flavour == "unix"
                 else f"127.0.0.1:{context.backend_port}")
        for flavour, port in ports.items())
    config = context.folder / f"{candidate.name}.Caddyfile"
    config.write_text(template("Caddyfile", sites=sites))
    # A Caddyfile cannot turn session tickets off, its JSON form can; all candidates run without.
    adapted = subprocess.run([program, "adapt", "--adapter", "caddyfile", "--config", config],
                             capture_output=True, text=True, timeout=30, check=False)
    if adapted.returncode != 0:
        raise proc.StartError(f"caddy adapt: {adapted.stderr.strip()[-120:]}")
    settings = json.loads(adapted.stdout)
    settings["apps"].setdefault("tls", {})["session_tickets"] = {"disabled": True}
    config = config.with_suffix(".json")
    config.write_text(json.dumps(settings, indent=1))
    process = context.processes.start(candidate.name, [program, "run", "--config", config], proc.PROXY_CORE)
    register(context, candidate, process, ports, [context.auth_pid] if with_auth else [])


def start_chp(context, candidate, _wanted):
    program = find_program("configurable-http-proxy")
    port, api = context.ports.take(), context.ports.take()
    process = context.processes.start(
        candidate.name,
        [program, "--ip", "127.0.0.1", "--port", port, "--api-ip", "127.0.0.1", "--api-port", api,
         "--default-target", f"http://127.0.0.1:{context.backend_port}", "--log-level", "error"],
        proc.PROXY_CORE)
    register(context, candidate, process, {"tcp": port})


STARTERS = {
    "sallyport": start_ours, "relay": start_relay, "nginx": start_nginx, "nginx-64k": start_nginx,
    "nginx-auth": start_nginx, "haproxy": start_haproxy, "haproxy-64k": start_haproxy,
    "haproxy-map": start_haproxy, "haproxy-sha256": start_haproxy, "caddy": start_caddy,
    "caddy-auth": start_caddy, "chp": start_chp,
}
CHECKING = ("sallyport", "nginx-auth", "haproxy-map", "haproxy-sha256", "caddy-auth")
PROGRAMS = {"nginx": ["nginx", "-v"], "haproxy": ["haproxy", "-v"], "caddy": ["caddy", "version"],
            "configurable-http-proxy": ["configurable-http-proxy", "--version"],
            "wrk": ["wrk", "-v"], "h2load": ["h2load", "--version"], "openssl": ["openssl", "version"],
            "strace": ["strace", "--version"]}


def make(name, base):
    """A candidate called `name` that is started like `base` (they differ for the noise twin)."""
    candidate = Candidate(name, checks_tokens=base in CHECKING)
    if base == "relay":
        candidate.flavours, candidate.rewrites_headers = ("tcp", "unix"), False
    elif base == "chp":
        candidate.flavours = ("tcp",)
    return candidate


def start(context, candidate, base, wanted):
    """Starts the candidate; on failure it stays in the table with the reason in `missing`."""
    try:
        STARTERS[base](context, candidate, wanted)
    except proc.StartError as error:
        candidate.missing = str(error)


def write_maps(context, tokens):
    """HAProxy's map files: the clear tokens, and their digests as `sha2(256),hex` prints them."""
    with open(context.folder / "haproxy-map.map", "w") as clear, \
            open(context.folder / "haproxy-sha256.map", "w") as hashed:
        for number, token in enumerate(tokens):
            clear.write(f"{token} user{number}\n")
            hashed.write(f"{hashlib.sha256(token.encode()).hexdigest().upper()} user{number}\n")


def versions():
    found = {}
    for name, argv in PROGRAMS.items():
        try:
            run = subprocess.run([find_program(argv[0]), *argv[1:]], capture_output=True, text=True,
                                 timeout=10, check=False)
            lines = (run.stdout + run.stderr).strip().splitlines()
            found[name] = lines[0][:120] if lines else "unknown"
        except (proc.StartError, subprocess.TimeoutExpired, OSError):
            found[name] = "not installed"
    return found
