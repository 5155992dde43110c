# SPDX-License-Identifier: Apache-2.0
"""How the suite starts sallyport. Everything that depends on its command line is in this file."""

import pathlib
import shlex
import shutil
import time

import proc

TOKEN_SECONDS_MAX = 10.0

# sallyport starts the backend itself; taskset moves it over to the load's core.
COMMAND = ("{binary} run --listen 127.0.0.1:{port} --no-local-trust --threads 1 --state-dir {state} "
           "--name bench {tls} -- {taskset} -c {load_core} {backend} {upstream}")
TLS = {"tls": "--tls-cert {cert} --tls-key {key}", "tcp": "--tls off", "unix": "--tls off"}
# Left for sallyport to fill in, so the braces are doubled once for us.
UPSTREAM = {"tcp": "--port {{port}}", "tls": "--port {{port}}", "unix": "--unix {{socket}}"}


def command(template, flavour, **values):
    """The argv of one gateway. `template` may hold every name used in COMMAND, and {tokens}."""
    text = template.replace("{tls}", TLS[flavour]).replace("{upstream}", UPSTREAM[flavour])
    return shlex.split(text.format(**values))


def start_sallyport(context, name, flavour):
    """Starts one gateway in front of its own backend; returns (process, port, access token).

    `flavour`: tcp (plain listener, TCP upstream), tls (TLS listener) or unix (Unix-socket upstream).
    The backend is a child of the gateway; the caller leaves `peers_backend` out of its sums.
    """
    port = context.ports.take()
    state = pathlib.Path(context.folder) / f"state-{name}-{flavour}"
    state.mkdir(mode=0o700)
    argv = command(
        context.ours_command or COMMAND, flavour, binary=context.sallyport, port=port, state=state,
        taskset=shutil.which("taskset"), load_core=proc.LOAD_CORE, backend=context.helper("peers_backend"), cert=context.cert,
        key=context.key, tokens=context.token_count)
    process = context.processes.start(f"{name}-{flavour}", argv, proc.PROXY_CORE)
    context.processes.wait_for_port(process, port)
    return process, port, read_token(state / "token")


def read_token(path):
    """The access token that sallyport wrote at start."""
    deadline = time.monotonic() + TOKEN_SECONDS_MAX
    while time.monotonic() < deadline:
        token = proc.read_text(path).strip()
        if token:
            return token
        time.sleep(0.05)
    raise proc.StartError(f"no access token in {path.name}")
