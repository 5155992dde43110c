// SPDX-License-Identifier: Apache-2.0

// Command host is a host made with github.com/hashicorp/go-plugin. It starts the plugin that its words name,
// and does what -do says, one step after the other: ping, put=KEY=VALUE, get=KEY, big=BYTES, add=KEY=NUMBER
// (the plugin dials us), dial=KEY (we dial the plugin), heard=TEXT (wait for it on stderr, and for anything on stdout), hang, alive, address, wait (for a
// line on stdin). Each step prints a line; at the end comes what the plugin printed, and the log.
package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// raw passes messages on as bytes: the test's messages are few, and need no generated code.
type raw struct{}

func (raw) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }
func (raw) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}
func (raw) Name() string { return "proto" }

func field(number int, text string) []byte {
	return append(binary.AppendUvarint([]byte{byte(number<<3 | 2)}, uint64(len(text))), text...)
}

type kv struct {
	conn   *grpc.ClientConn
	broker *plugin.GRPCBroker
}

func (k kv) call(method string, request []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var reply []byte
	err := k.conn.Invoke(ctx, method, &request, &reply, grpc.ForceCodec(raw{}))
	return reply, err
}

type kvPlugin struct{ plugin.NetRPCUnsupportedPlugin }

func (kvPlugin) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error { return errors.New("a host only") }
func (kvPlugin) GRPCClient(_ context.Context, broker *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return kv{conn, broker}, nil
}

// addHelper serves proto.AddHelper: two small numbers, as single bytes.
func addHelper(options []grpc.ServerOption) *grpc.Server {
	server := grpc.NewServer(append(options, grpc.ForceServerCodec(raw{}))...)
	server.RegisterService(&grpc.ServiceDesc{ServiceName: "proto.AddHelper", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{{
		MethodName: "Sum",
		Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			var request []byte
			if err := decode(&request); err != nil {
				return nil, err
			}
			var sum byte
			for i := 0; i+1 < len(request); i += 2 {
				sum += request[i+1]
			}
			reply := []byte{8, sum}
			return &reply, nil
		},
	}}}, struct{}{})
	return server
}

// safe is a buffer that go-plugin's readers fill while we look.
type safe struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (s *safe) Write(p []byte) (int, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.text.Write(p)
}

func (s *safe) String() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.text.String()
}

func fatal(what string, err error) {
	fmt.Println("FAIL", what, err)
	plugin.CleanupClients()
	os.Exit(1)
}

func must(what string, err error) {
	if err != nil {
		fatal(what, err)
	}
}

// out and err2 are what the plugin printed.
var out, err2 safe

func step(client *plugin.Client, protocol plugin.ClientProtocol, store kv, what string) {
	name, rest, _ := strings.Cut(what, "=")
	switch name {
	case "ping":
		must(what, protocol.Ping())
		fmt.Println("ping ok")
	case "put":
		key, value, _ := strings.Cut(rest, "=")
		_, err := store.call("/proto.KV/Put", append(field(1, key), field(2, value)...))
		must(what, err)
		fmt.Println("put ok")
	case "get":
		reply, err := store.call("/proto.KV/Get", field(1, rest))
		must(what, err)
		_, size := binary.Uvarint(reply[1:])
		fmt.Printf("get %s\n", reply[1+size:])
	case "big": // there and back
		bytes, _ := strconv.Atoi(rest)
		value := strings.Repeat("0123456789abcdef", bytes/16)
		_, err := store.call("/proto.KV/Put", append(field(1, "big"), field(2, value)...))
		must(what, err)
		reply, err := store.call("/proto.KV/Get", field(1, "big"))
		must(what, err)
		fmt.Println("big", strings.HasSuffix(string(reply), value))
	case "add":
		key, value, _ := strings.Cut(rest, "=")
		number, _ := strconv.Atoi(value)
		id := store.broker.NextId()
		go store.broker.AcceptAndServe(id, addHelper)
		_, err := store.call("/proto.Counter/Put", append([]byte{8, byte(id)}, append(field(2, key), 24, byte(number))...))
		must(what, err)
		reply, err := store.call("/proto.Counter/Get", field(1, key))
		must(what, err)
		fmt.Println("sum", reply[1])
	case "dial":
		reply, err := store.call("/peer.Peer/Open", nil)
		must(what, err)
		conn, err := store.broker.Dial(uint32(reply[1]))
		must(what, err)
		value, err := kv{conn, nil}.call("/proto.KV/Get", field(1, rest))
		must(what, err)
		fmt.Printf("dialled %s\n", value[2:])
		conn.Close()
	case "heard":
		for until := time.Now().Add(30 * time.Second); (out.String() == "" || !strings.Contains(err2.String(), rest)) && time.Now().Before(until); {
			time.Sleep(5 * time.Millisecond)
		}
	case "hang":
		go store.call("/peer.Peer/Hang", nil)
		must(what, protocol.Ping())
	case "alive":
		fmt.Println("exited", client.Exited())
	case "address":
		where := client.ReattachConfig()
		fmt.Println("address", where.Addr.Network(), where.Addr.String(), where.Pid)
	case "wait":
		var line string
		fmt.Scanln(&line)
	default:
		fatal(what, errors.New("no such step"))
	}
}

func main() {
	mtls := flag.Bool("automtls", false, "AutoMTLS")
	multiplex := flag.Bool("multiplex", false, "GRPCBrokerMultiplex")
	cookie := flag.String("cookie", "hello", "the magic cookie's value")
	version := flag.Uint("version", 1, "the protocol version")
	do := flag.String("do", "ping", "steps, joined by commas")
	flag.Parse()
	var log safe
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:     plugin.HandshakeConfig{ProtocolVersion: *version, MagicCookieKey: "BASIC_PLUGIN", MagicCookieValue: *cookie},
		Plugins:             map[string]plugin.Plugin{"kv": kvPlugin{}},
		Cmd:                 exec.Command(flag.Arg(0), flag.Args()[1:]...),
		AllowedProtocols:    []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:            *mtls,
		GRPCBrokerMultiplex: *multiplex,
		SyncStdout:          &out,
		SyncStderr:          &err2,
		Logger:              hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: &log, JSONFormat: true}),
		StartTimeout:        30 * time.Second,
	})
	protocol, err := client.Client()
	if err != nil {
		client.Kill()
		for until := time.Now().Add(10 * time.Second); !client.Exited() && time.Now().Before(until); { // its last words
			time.Sleep(5 * time.Millisecond)
		}
		fmt.Print(log.String())
		fatal("start", err)
	}
	dispensed, err := protocol.Dispense("kv")
	must("dispense", err)
	fmt.Println("version", client.NegotiatedVersion())
	for _, what := range strings.Split(*do, ",") {
		step(client, protocol, dispensed.(kv), what)
	}
	client.Kill()
	fmt.Println("killed", client.Exited())
	fmt.Printf("stdout %q\nstderr %q\n", out.String(), err2.String())
	fmt.Print(log.String())
}
