package tracecmd

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"
)

// A relay whose server is itself, by another name, does not go on for ever.
func TestRelayItself(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	r := &relay{command: &command{to: "localhost:" + port}}
	if err := r.between(ctx, client); !errors.Is(err, errItself) {
		t.Error(err)
	}
}
