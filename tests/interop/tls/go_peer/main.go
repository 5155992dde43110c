// SPDX-License-Identifier: Apache-2.0
// Go's TLS stack as the other side: `dial` is a client of our listener, `issue` an authority of its own making.
package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// order is what dial is asked for, as JSON on standard input.
type order struct {
	Address, Root, Name, Path, Bearer string
	Certificate, Key                  string
	Version                           string
	Curves                            []tls.CurveID
	Repeats                           int
}

// outcome is what dial tells of one connection.
type outcome struct {
	Error   string
	Version string
	Suite   string
	Resumed bool
	Status  int
}

func (o order) config() *tls.Config {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(must(os.ReadFile(o.Root))) {
		panic("no root")
	}
	made := &tls.Config{RootCAs: roots, ServerName: o.Name, CurvePreferences: o.Curves, ClientSessionCache: tls.NewLRUClientSessionCache(4)}
	switch o.Version {
	case "1.2":
		made.MinVersion, made.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	case "1.3":
		made.MinVersion = tls.VersionTLS13
	}
	if o.Certificate != "" {
		pair := must(tls.LoadX509KeyPair(o.Certificate, o.Key))
		// Certificates would send it to those only who name its authority.
		made.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	return made
}

func (o order) visit(config *tls.Config) (told outcome) {
	connection, err := tls.DialWithDialer(&net.Dialer{Timeout: 30 * time.Second}, "tcp", o.Address, config)
	if err != nil {
		told.Error = err.Error()
		return
	}
	defer connection.Close()
	state := connection.ConnectionState()
	told.Version, told.Suite, told.Resumed = tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite), state.DidResume
	check(connection.SetDeadline(time.Now().Add(30 * time.Second)))
	request := must(http.NewRequest("GET", "https://"+o.Address+o.Path, nil))
	request.Close = true
	if o.Bearer != "" {
		request.Header.Set("Authorization", "Bearer "+o.Bearer)
	}
	if err = request.Write(connection); err == nil {
		var answer *http.Response
		if answer, err = http.ReadResponse(bufio.NewReader(connection), request); err == nil {
			told.Status = answer.StatusCode
		}
	}
	if err != nil { // in TLS 1.3 a refused client hears of it at its first read
		told.Error = err.Error()
	}
	return
}

func dial() {
	var wanted order
	check(json.NewDecoder(os.Stdin).Decode(&wanted))
	config := wanted.config()
	for i := 0; i < max(wanted.Repeats, 1); i++ {
		check(json.NewEncoder(os.Stdout).Encode(wanted.visit(config)))
	}
}

func write(path, kind string, der []byte) {
	check(os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

// issue leaves root.crt, server.crt/.key and client.crt/.key, as Go's own documentation would make them.
func issue(folder string) {
	begin, end := time.Now().Add(-time.Minute), time.Now().Add(24*time.Hour)
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Go's root"}, NotBefore: begin, NotAfter: end,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
	rootKey := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	der := must(x509.CreateCertificate(rand.Reader, root, root, rootKey.Public(), rootKey))
	write(filepath.Join(folder, "root.crt"), "CERTIFICATE", der)
	parent := must(x509.ParseCertificate(der))
	for number, name := range []string{"server", "client"} {
		leaf := &x509.Certificate{SerialNumber: big.NewInt(int64(number) + 2), NotBefore: begin, NotAfter: end, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature}
		if name == "server" {
			leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
			leaf.DNSNames, leaf.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
		} else {
			leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
			leaf.URIs = []*url.URL{must(url.Parse("spiffe://home.example/gopher"))}
		}
		key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
		write(filepath.Join(folder, name+".crt"), "CERTIFICATE", must(x509.CreateCertificate(rand.Reader, leaf, parent, key.Public(), rootKey)))
		write(filepath.Join(folder, name+".key"), "PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(key)))
	}
}

func main() {
	switch {
	case len(os.Args) == 2 && os.Args[1] == "dial":
		dial()
	case len(os.Args) == 3 && os.Args[1] == "issue":
		issue(os.Args[2])
	default:
		fmt.Fprintln(os.Stderr, "usage: tlspeer dial <order | tlspeer issue FOLDER")
		os.Exit(2)
	}
}
