# SPDX-License-Identifier: Apache-2.0
"""nginx ends TLS before a plain listener: curl's own cookie rules decide whether the login is worth something."""
import re
import subprocess

import pytest
from harness.gate import eventually, free_port
from tools import need

PASSWORD = "correct-horse-behind-nginx"
CONFIG = """pid {folder}/nginx.pid; error_log {folder}/nginx.err; daemon off; events {{}}
http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {folder}/crt; ssl_certificate_key {folder}/key;
    location / {{ proxy_pass http://127.0.0.1:{inner}; proxy_http_version 1.1; proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr; }} }} }}
"""


@pytest.fixture
def front(start, folder):
    """The public origin; nginx is ended with the test."""
    need("nginx", "nginx-light")
    port = free_port()
    gate = start("--public-url", f"https://localhost:{port}", "--trusted-proxy", "127.0.0.1", env={"SALLYPORT_PASSWORD": PASSWORD})
    gate.book.add(PASSWORD, "the password")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(folder / "key"), "-out",
                    str(folder / "crt"), "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    (folder / "nginx.conf").write_text(CONFIG.format(folder=folder, port=port, inner=gate.port))
    nginx = subprocess.Popen(["nginx", "-e", str(folder / "nginx.err"), "-c", str(folder / "nginx.conf")])
    yield gate, port
    nginx.terminate()
    nginx.wait(20)


def test_AT_10_the_login_behind_a_tls_proxy_is_a_secure_host_cookie(front, folder):
    gate, port = front
    origin, jar = f"https://localhost:{port}", folder / "jar"
    need("curl", "curl")

    def curl(path, *words):
        done = subprocess.run(["curl", "-sS", "-i", "-m", "20", "--noproxy", "*", "--cacert", str(folder / "crt"), "-b", str(jar), "-c", str(jar), *words, origin + path],
                              capture_output=True, text=True)
        return done.stdout

    page = eventually(lambda: (got := curl("/.sallyport/login", "-H", "Accept: text/html")) and "csrf" in got and got, 20, "nginx answers")
    csrf = gate.book.add(re.search(r'name="csrf" value="([^"]+)"', page).group(1), "a CSRF token")
    answer = curl("/.sallyport/login", "-H", f"Origin: {origin}", "-d", f"csrf={csrf}", "-d", f"password={PASSWORD}", "-d", "next=/")
    cookie = re.search(rf"Set-Cookie: __Host-sallyport-{port}=(spc_\S+); (.*)", answer)
    assert cookie and "Secure" in cookie.group(2) and "HttpOnly" in cookie.group(2), answer
    gate.book.add(cookie.group(1), "the login cookie")
    told = curl("/api/whoami")
    assert " 200 " in told.splitlines()[0] and re.search(r'"X-Forwarded-Proto",\s*"https"', told), told
    assert "spc_" not in told.partition("\r\n\r\n")[2]
