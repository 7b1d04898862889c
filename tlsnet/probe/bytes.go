package probe

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"tlsdemo/tlsnet/explain"
	"tlsdemo/tlsnet/neterr"
	"tlsdemo/tlsnet/wire"
)

// sslRequest is how a client of PostgreSQL asks for TLS. To any other server it is a few
// bytes that make no sense.
const sslRequest = "\x00\x00\x00\x08\x04\xd2\x16\x2f"

// other is another protocol than TLS: a server that speaks first is waited for, and one that
// waits for its clients is asked what hurts none.
func (l *lab) other() experiment {
	return experiment{change: "no TLS: wait for a greeting, then ask for TLS as PostgreSQL's clients do, then send empty lines", try: func(ctx context.Context) (*explain.Error, string) {
		conn, err := l.connect(ctx, l.way.addr)
		if err != nil {
			return nil, "not connected"
		}
		defer conn.Close()
		stop := interruptWhenDone(ctx, conn)
		defer stop()
		for i, say := range []string{"", sslRequest, "\r\n\r\n"} {
			if _, err := io.WriteString(conn, say); err != nil {
				break
			}
			wait(ctx, conn, shareOf(ctx, 4-i))
			first := make([]byte, 512)
			n, err := conn.Read(first)
			if n > 0 {
				return answered(first[:n], say)
			}
			if neterr.BrokenOff(err) {
				return nil, "it says nothing, and closes the connection"
			}
		}
		return nil, "it says nothing"
	}}
}

// answered is a server that said something without TLS, after we had said something, or
// nothing.
func answered(first []byte, said string) (*explain.Error, string) {
	saw := fmt.Sprintf("it says %q", first[:min(len(first), 40)])
	if said == sslRequest {
		switch string(first) {
		case "S":
			return &explain.Error{
				Code: explain.PeerWantsStartTLS, StartTLS: "postgres",
				Text: "the server speaks PostgreSQL: TLS begins only after an SSLRequest, which PostgreSQL's own clients send (sslmode=require); from version 17 on it can also begin at once (sslnegotiation=direct)",
			}, saw
		case "N":
			return &explain.Error{
				Code: explain.PeerNotTLS, Text: "the server speaks PostgreSQL, and its TLS is turned off (ssl = off)",
			}, saw
		}
	}
	return explain.Spoken(wire.Seen{In: first, Received: int64(len(first))}), saw
}

// ldap is the one protocol whose servers wait for their client and close at anything that is
// not theirs, so that no other question may come before.
func (l *lab) ldap() experiment {
	return experiment{change: "no TLS: ask for TLS (StartTLS) as LDAP's clients do", try: func(ctx context.Context) (*explain.Error, string) {
		conn, err := l.connect(ctx, l.way.addr)
		if err != nil {
			return nil, "not connected"
		}
		defer conn.Close()
		stop := interruptWhenDone(ctx, conn)
		defer stop()
		d := &dialogue{conn: conn}
		refused := d.ldap()
		switch protocol, known := d.seen.ServerProtocol(); {
		case !known || protocol.StartTLS != "ldap":
			return nil, "no answer of LDAP"
		case refused != nil:
			return &explain.Error{Code: explain.PeerNotTLS, Text: "the server speaks LDAP, and refuses to begin TLS (StartTLS): TLS is not set up, or only on port 636 (ldaps://)"}, "it refuses"
		default:
			return explain.Spoken(d.seen), "it is ready to begin TLS"
		}
	}}
}

// header is a header of the PROXY protocol in front of the ClientHello, as load balancers
// send it and servers behind them demand it.
func (l *lab) header() experiment {
	w := l.way
	w.before = func(ctx context.Context, conn net.Conn) error {
		if _, err := io.WriteString(conn, proxyHeader(conn)); err != nil {
			return err
		}
		if l.way.before != nil {
			return l.way.before(ctx, conn)
		}
		return nil
	}
	e := l.tls("a header of the PROXY protocol before TLS", w, func(*Report) *explain.Error {
		return &explain.Error{
			Code: explain.PeerProxyHeader,
			Text: "the server answers if a header of the PROXY protocol comes before TLS, and does not answer without it: clients have to connect through a load balancer",
		}
	})
	try := e.try
	e.try = func(ctx context.Context) (*explain.Error, string) {
		found, saw := try(ctx)
		if found == nil && l.answeredLine() {
			return l.last, "it answers in plain text"
		}
		return found, saw
	}
	return e
}

// answeredLine reports whether a server that was silent has answered the header, which is a
// line of text, with text of its own: Redis waits for the end of a line, and finds none
// in a ClientHello, nor in what else is tried.
func (l *lab) answeredLine() bool {
	return l.failed.Code == explain.PeerSilent && l.last != nil && l.last.Code == explain.PeerNotTLS && l.last.Certainty == explain.Certain
}

// proxyHeader is a header of version 1 that says who we are: section 2.1 of HAProxy's
// specification.
func proxyHeader(conn net.Conn) string {
	from, ok1 := conn.LocalAddr().(*net.TCPAddr)
	to, ok2 := conn.RemoteAddr().(*net.TCPAddr)
	if !ok1 || !ok2 {
		return "PROXY UNKNOWN\r\n"
	}
	family := "TCP6"
	if from.IP.To4() != nil {
		family = "TCP4"
	}
	return fmt.Sprintf("PROXY %s %s %s %d %d\r\n", family, from.IP, to.IP, from.Port, to.Port)
}

// silentError is a server from which not a byte has come in time.
type silentError struct{ after time.Duration }

func (s *silentError) Error() string {
	return fmt.Sprintf("nothing came within %v", s.after.Round(10*time.Millisecond))
}

// Is makes it the [context.DeadlineExceeded] that it is.
func (s *silentError) Is(target error) bool { return target == context.DeadlineExceeded }

// errOutOfTime ends an experiment whose share of the time is over.
var errOutOfTime = fmt.Errorf("no time left: %w", context.DeadlineExceeded)
