package tlsnet

import (
	"errors"

	"tlsdemo/tlsnet/explain"
)

// ErrNoAnswer is wrapped by the error for a server that closed the connection without
// answering.
var ErrNoAnswer = errors.New("the server closed the connection without an answer")

// ExchangeError is a failure of an exchange after the handshake: of the network, the
// peer, or time.
type ExchangeError struct {
	Op   string       // what failed, such as "read answer"
	Code explain.Code // NoAnswer or PeerSilent, or empty where neither fits
	Err  error
}

func (e *ExchangeError) Error() string { return e.Op + ": " + e.Err.Error() }
func (e *ExchangeError) Unwrap() error { return e.Err }
