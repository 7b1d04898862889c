package policy_test

import (
	"cmp"
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
	"testing"

	"tlsdemo/certs/certstest"
	"tlsdemo/certs/chain"
	"tlsdemo/certs/policy"
)

// rulesOf is a policy that can be replaced, as by a server that reads its file again.
type rulesOf struct{ current atomic.Pointer[policy.Policy] }

func (r *rulesOf) verify(state tls.ConnectionState) error {
	return r.current.Load().VerifyConnection(state)
}

// A session that was accepted is not resumed once the policy has changed, whichever end has
// the policy.
func TestResumed(t *testing.T) {
	set := certstest.New(t)
	all := newPolicy(t, policy.Rule{policy.DNS: {"*.localhost"}})
	none := newPolicy(t, policy.Rule{policy.DNS: {"nobody.localhost"}})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, end := range []string{"server", "client"} {
			t.Run(tls.VersionName(version)+" "+end, func(t *testing.T) {
				server, client := set.ServerSource().ServerConfig(), set.ClientSource().ClientConfig()
				client.ServerName, client.ClientSessionCache, client.MaxVersion = "localhost", tls.NewLRUClientSessionCache(1), version
				rules, resumed := new(rulesOf), false
				config := map[string]*tls.Config{"server": server, "client": client}[end]
				config.VerifyConnection = func(state tls.ConnectionState) error {
					resumed = state.DidResume
					return rules.verify(state)
				}
				for i, step := range []struct {
					policy          *policy.Policy
					refused, resume bool
				}{{all, false, false}, {all, false, true}, {none, true, true}} {
					rules.current.Store(step.policy)
					err := exchange(t, server, client)
					defect, refused := errors.AsType[*chain.Defect](err)
					if refused != step.refused || resumed != step.resume || refused && defect.Kind != chain.NotAllowed || err != nil && !refused {
						t.Fatalf("exchange %d: resumed %v, error %v", i+1, resumed, err)
					}
				}
			})
		}
	}
}

// exchange sends a byte from a server to its client, and returns the error of whoever refused
// the other.
func exchange(t *testing.T, server, client *tls.Config) error {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	served := make(chan error, 1)
	go func() {
		conn, err := ln.Accept()
		if err == nil {
			defer conn.Close()
			_, err = tls.Server(conn, server).Write([]byte("x"))
		}
		served <- err
	}()
	conn, err := tls.Dial("tcp", ln.Addr().String(), client)
	if err == nil {
		_, err = conn.Read(make([]byte, 1))
		conn.Close()
	}
	atServer := <-served
	if _, ok := errors.AsType[*chain.Defect](err); ok {
		return err
	}
	return cmp.Or(atServer, err)
}
