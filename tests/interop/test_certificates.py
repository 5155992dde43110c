# SPDX-License-Identifier: Apache-2.0
"""SG-03: what we issue, other TLS stacks verify; what openssl and mkcert issue, we verify."""
import os
import socket
import ssl
import subprocess
import threading

import pytest
from tools import CACHE, need

GO_PROGRAM = """
package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
)

func read(path string) []byte {
	text, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	return text
}

func main() {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(read(os.Args[1])) {
		panic("no root")
	}
	block, _ := pem.Decode(read(os.Args[2]))
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		panic(err)
	}
	use := x509.ExtKeyUsageServerAuth
	if os.Args[4] == "client" {
		use = x509.ExtKeyUsageClientAuth
	}
	_, err = leaf.Verify(x509.VerifyOptions{DNSName: os.Args[3], Roots: roots, KeyUsages: []x509.ExtKeyUsage{use}})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
"""


@pytest.fixture
def cert(cli, folder):
    return lambda *words: cli("cert", *words, cwd=folder)


@pytest.fixture
def ours(cert, folder):
    assert cert("ca", "--out", "ca").status == 0
    assert cert("issue", "--ca", "ca", "--out", "server", "--san", "localhost", "--san", "127.0.0.1", "--san", "::1").status == 0
    assert cert("issue", "--ca", "ca", "--out", "client", "--client", "--san", "alice.example").status == 0
    return folder


@pytest.fixture
def tls_server(ours):
    """A TLS server of Python's that demands our client certificate; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ours / "server.crt", ours / "server.key")
    context.load_verify_locations(ours / "ca/ca.crt")
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(plain, server_side=True) as stream:
                    stream.recv(4096)
                    stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
            except OSError:
                pass
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(10)


def test_SG_03_python_and_curl_verify_what_we_issue(ours, tls_server):
    context = ssl.create_default_context(cafile=ours / "ca/ca.crt")
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.load_cert_chain(ours / "client.crt", ours / "client.key")
    with socket.create_connection(("127.0.0.1", tls_server)) as plain, context.wrap_socket(plain, server_hostname="localhost") as stream:
        stream.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert b"hello" in stream.recv(4096)
    need("curl", "curl")
    words = ["curl", "-sS", "--cacert", "ca/ca.crt", "--cert", "client.crt", "--key", "client.key", "-m", "30"]
    for host in ("localhost", "127.0.0.1"):
        done = subprocess.run([*words, "--connect-to", f"localhost:{tls_server}:127.0.0.1:{tls_server}", f"https://{host}:{tls_server}/"], cwd=ours, capture_output=True, text=True)
        assert done.stdout == "hello", done
    done = subprocess.run([*words, "--connect-to", f"::127.0.0.1:{tls_server}", f"https://other.example:{tls_server}/"], cwd=ours, capture_output=True, text=True)
    assert done.returncode == 60, done


def test_SG_03_go_verifies_what_we_issue(ours):
    go = need("go", "golang-go")
    (ours / "verify.go").write_text(GO_PROGRAM)
    cache = CACHE / "go-build"
    env = {**os.environ, "GOCACHE": str(cache), "GOFLAGS": "", "HOME": str(ours), "GO111MODULE": "off"}
    built = subprocess.run([go, "build", "-o", "verify", "verify.go"], cwd=ours, env=env, capture_output=True, text=True, timeout=600)
    assert built.returncode == 0, built.stderr

    def verify(leaf, name, use):
        return subprocess.run([ours / "verify", "ca/ca.crt", leaf, name, use], cwd=ours, capture_output=True, text=True, timeout=60)
    for name in ("localhost", "127.0.0.1", "::1"):
        done = verify("server.crt", name, "server")
        assert done.returncode == 0, done.stdout + done.stderr
    assert verify("client.crt", "alice.example", "client").returncode == 0
    assert verify("server.crt", "other.example", "server").returncode == 1
    assert verify("client.crt", "alice.example", "server").returncode == 1


def test_SG_03_we_verify_what_mkcert_issues(cert, folder):
    mkcert = need("mkcert", "mkcert")
    root = folder / "mkcert"
    root.mkdir()
    env = {**os.environ, "CAROOT": str(root), "HOME": str(folder)}  # never -install: no trust store is touched
    for words in (["-cert-file", "a.crt", "-key-file", "a.key", "gate.example", "127.0.0.1"], ["-ecdsa", "-client", "-cert-file", "b.crt", "-key-file", "b.key", "alice.example"]):
        done = subprocess.run([mkcert, *words], cwd=folder, env=env, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
    for words in (("--host", "gate.example", "a.crt"), ("--host", "127.0.0.1", "a.crt"), ("--purpose", "client", "b.crt")):
        done = cert("verify", "--ca", str(root / "rootCA.pem"), *words)
        assert done.status == 0, (words, done)
    done = cert("verify", "--ca", str(root / "rootCA.pem"), "--host", "other.example", "a.crt")
    assert done.status == 3 and "wrong_name" in done.err


def test_SG_03_we_verify_what_openssl_issues(cert, folder):
    openssl = need("openssl", "openssl")

    def run(*words):
        done = subprocess.run([openssl, *words], cwd=folder, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "root.key", "-out", "root.crt", "-subj", "/CN=Root", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    for name, above, extension in (("middle", "root", "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n"),
                                   ("leaf", "middle", "basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:leaf.example\n")):
        (folder / f"{name}.ext").write_text(extension + "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
        run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}.example")
        run("x509", "-req", "-in", f"{name}.csr", "-CA", f"{above}.crt", "-CAkey", f"{above}.key", "-extfile", f"{name}.ext", "-out", f"{name}.crt", "-days", "30")
    assert cert("verify", "--ca", "root.crt", "--host", "leaf.example", "leaf.crt").status == 3, "what is between is missing"
    assert cert("verify", "--ca", "root.crt", "--host", "leaf.example", "--intermediates", "middle.crt", "leaf.crt").status == 0
    (folder / "chain.crt").write_text((folder / "leaf.crt").read_text() + (folder / "middle.crt").read_text())
    assert cert("verify", "--ca", "root.crt", "--host", "leaf.example", "chain.crt").status == 0
    assert cert("verify", "--ca", "middle.crt", "--host", "leaf.example", "leaf.crt").status == 0, "an authority in the middle as a deliberate anchor"
