package main

import (
	"crypto/tls"
	"errors"
	"time"

	"tlsdemo/cmd/tlsdemo/internal/visit"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
)

// lenient returns a configuration that lets everybody in whom strict asks for a certificate:
// who presents one, and who presents none. What strict would have said is for others to say.
func lenient(strict *tls.Config) *tls.Config {
	config := strict.Clone()
	config.ClientAuth, config.ClientCAs, config.VerifyConnection = tls.RequestClientCert, nil, nil
	new(tlsnet.Sessions).Keep(config)
	return config
}

// refusal is why a client would have been refused without --inspect, or nil.
func (v *service) refusal(state tls.ConnectionState) error {
	now := v.current.Load()
	if why := explain.Strict(state, now.strict, now.origin.cas...); why != nil {
		return v.located(why, now.origin)
	}
	return nil
}

// verdict is the refusal for the client to read.
func (v *service) verdict(state tls.ConnectionState) *visit.Verdict {
	err := v.refusal(state)
	if err == nil {
		return nil
	}
	e := explained(err, v.env.Typed)
	return &visit.Verdict{Code: e.Code, Text: e.Text, AtFault: e.AtFault, Hint: e.Hint, Certainty: e.Certainty}
}

// inspect has a handshake that succeeded judged, for the log.
func (v *service) inspect(failed *failureLog) func(*tls.Conn, time.Duration, error) {
	return func(conn *tls.Conn, _ time.Duration, err error) {
		if err != nil {
			return
		}
		if why := v.refusal(conn.ConnectionState()); why != nil {
			failed.tell(conn, "let in by --inspect; a strict server refuses this client", func() error { return why })
		}
	}
}

// errInspectLocal is why --inspect listens nowhere else.
var errInspectLocal = errors.New("--inspect listens on loopback addresses only: it lets everybody in")
