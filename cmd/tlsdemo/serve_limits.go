package main

import (
	"cmp"
	"net/http"
	"time"

	"github.com/spf13/pflag"

	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/tlsnet"
)

// limitFlags bound what clients may have of a server. Of each, 0 means that there is no limit.
type limitFlags struct {
	maxMessage        cli.ByteSize
	handshakeTimeout  time.Duration
	exchangeTimeout   time.Duration
	idleTimeout       time.Duration
	maxConns          int
	connsPerAddr      int
	handshakesPerAddr int
	failuresPerAddr   int
}

// defaultIdleTimeout is how long a client of HTTP may keep a connection without a request.
const defaultIdleTimeout = time.Minute

func (l *limitFlags) register(flags *pflag.FlagSet) {
	l.maxMessage = tlsnet.DefaultMaxMessage
	flags.Var(&l.maxMessage, "max-message", "size limit of a message; 0 means no limit, here and in the other limits")
	flags.DurationVar(&l.handshakeTimeout, "handshake-timeout", tlsnet.DefaultHandshakeTimeout, "time limit for a handshake")
	flags.DurationVar(&l.exchangeTimeout, "exchange-timeout", tlsnet.DefaultExchangeTimeout, "time limit for an exchange, after the handshake, and for a request of HTTP")
	flags.DurationVar(&l.idleTimeout, "idle-timeout", defaultIdleTimeout, "how long a client of HTTP may keep its connection without a request")
	flags.IntVar(&l.maxConns, "max-conns", tlsnet.DefaultMaxConns, "how many clients are served at the same time; others wait")
	flags.IntVar(&l.connsPerAddr, "max-conns-per-address", tlsnet.DefaultConnsPerAddress, "how many connections one address may have; more are turned away")
	flags.IntVar(&l.handshakesPerAddr, "max-handshakes-per-address", tlsnet.DefaultHandshakesPerAddress, "how many handshakes one address may have begun; for one more, its oldest is ended")
	flags.IntVar(&l.failuresPerAddr, "max-failures-per-address", tlsnet.DefaultFailuresPerAddress, "how many connections of one address may fail in a minute; then it is turned away")
}

func (l *limitFlags) check() error {
	return cmp.Or(
		cli.NotNegative("handshake-timeout", l.handshakeTimeout),
		cli.NotNegative("exchange-timeout", l.exchangeTimeout),
		cli.NotNegative("idle-timeout", l.idleTimeout),
		cli.NotNegative("max-conns", l.maxConns),
		cli.NotNegative("max-conns-per-address", l.connsPerAddr),
		cli.NotNegative("max-handshakes-per-address", l.handshakesPerAddr),
		cli.NotNegative("max-failures-per-address", l.failuresPerAddr))
}

// bound sets the limits of a server.
func (l *limitFlags) bound(server *tlsnet.Server) {
	server.HandshakeTimeout = unlimited(l.handshakeTimeout)
	server.MaxConns = unlimited(l.maxConns)
	server.PerAddress = tlsnet.PerAddress{
		Conns: unlimited(l.connsPerAddr), Handshakes: unlimited(l.handshakesPerAddr), Failures: unlimited(l.failuresPerAddr),
	}
}

// boundHTTP sets those of its server of HTTP: there, 0 means no limit as it does here.
func (l *limitFlags) boundHTTP(server *http.Server) {
	server.ReadHeaderTimeout, server.IdleTimeout = l.handshakeTimeout, l.idleTimeout
	server.ReadTimeout, server.WriteTimeout = l.exchangeTimeout, l.exchangeTimeout
	if server.IdleTimeout == 0 {
		server.IdleTimeout = -1 // else it would be ReadTimeout
	}
}

// unlimited is a limit as tlsnet has it: there, what is less than 0 means no limit.
func unlimited[T int | int64 | time.Duration](limit T) T {
	if limit == 0 {
		return -1
	}
	return limit
}
