// SPDX-License-Identifier: Apache-2.0
// The control server of a tailnet for tests, and its relay: what Tailscale runs for its users, from Tailscale's own test kit.
// It serves on listening sockets that it is given, since each machine of the test has a loopback of its own: the daemon insists on
// TLS for every other address.
package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"

	"tailscale.com/derp"
	"tailscale.com/derp/derphttp"
	"tailscale.com/tailcfg"
	"tailscale.com/tstest/integration/testcontrol"
	"tailscale.com/types/key"
	"tailscale.com/types/logger"
)

func listen(address string) net.Listener {
	made, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		fail(err)
	}
	return made
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// relay carries packets between nodes until they have found a direct way; without STUN, which one network does not need.
func relay(address string) *tailcfg.DERPMap {
	server := httptest.NewUnstartedServer(derphttp.Handler(derp.NewServer(key.NewNode(), logger.Discard)))
	server.Listener.Close()
	server.Listener = listen(address)
	server.Config.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){} // no HTTP/2: a relay takes its connections over
	server.StartTLS()
	node := &tailcfg.DERPNode{Name: "t1", RegionID: 1, HostName: address, IPv4: address, IPv6: "none", STUNPort: -1,
		DERPPort: server.Listener.Addr().(*net.TCPAddr).Port, InsecureForTests: true}
	return &tailcfg.DERPMap{Regions: map[int]*tailcfg.DERPRegion{1: {RegionID: 1, RegionCode: "test", Nodes: []*tailcfg.DERPNode{node}}}}
}

func main() {
	if len(os.Args) < 5 {
		fmt.Fprintln(os.Stderr, "usage: control RELAY_ADDRESS DOMAIN URL DESCRIPTOR...")
		os.Exit(2)
	}
	control := &testcontrol.Server{Logf: logger.Discard, DERPMap: relay(os.Args[1]), DNSConfig: &tailcfg.DNSConfig{Proxied: true}, MagicDNSDomain: os.Args[2], ExplicitBaseURL: os.Args[3]}
	failed := make(chan error)
	for _, word := range os.Args[4:] {
		number, err := strconv.Atoi(word)
		if err != nil {
			fail(err)
		}
		listener, err := net.FileListener(os.NewFile(uintptr(number), "listener"))
		if err != nil {
			fail(err)
		}
		go func() { failed <- http.Serve(listener, control) }()
	}
	fail(<-failed)
}
