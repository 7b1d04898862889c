package tlsnet_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
)

// exchange has one exchange with the server at addr.
func exchange(ctx context.Context, addr string, config *tls.Config) error {
	dialer := &tlsnet.Dialer{Config: func() *tls.Config { return config }}
	conn, err := dialer.Dial(ctx, addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = new(tlsnet.Requester).Exchange(ctx, conn, strings.NewReader("Hello"), new(tlsnet.Preview))
	if why := explain.Of(conn, err); why != nil {
		return why
	}
	return err
}

// A client that resets the connection before it has sent anything is as little worth a
// warning as one that closes it.
func TestResetBeforeHello(t *testing.T) {
	failed := make(chan error, 1)
	r := newRig(t, &tlsnet.Responder{}, &tlsnet.Server{Failed: func(_ net.Conn, err error) { failed <- err }})
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
	if err := r.server.Shutdown(timeout(t)); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-failed:
		t.Errorf("error %v", err)
	default:
	}
}

func TestDialNobody(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	_, err = new(tlsnet.Dialer).Dial(timeout(t), ln.Addr().String())
	if why, ok := errors.AsType[*explain.Error](err); !ok || why.Code != explain.ConnectionRefused || why.Fault() != explain.Transport {
		t.Errorf("error %v", err)
	}
}

// An address that cannot be connected to from here is explained, too: a link-local one without
// its interface.
func TestDialAnImpossibleAddress(t *testing.T) {
	_, err := new(tlsnet.Dialer).Connect(timeout(t), "[fe80::1]:8888")
	if why, ok := errors.AsType[*explain.Error](err); !ok || why.Code != explain.HostUnreachable {
		t.Errorf("error %v", err)
	}
}

// A look-up that nobody answers is told from a server that does not answer.
func TestDialWithoutAnAnswerOfDNS(t *testing.T) {
	over := make(chan struct{})
	defer close(over)
	dialer := &tlsnet.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		<-over
		return nil, errInterrupted
	}}}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := dialer.Connect(ctx, "db.example:8888")
	if why, ok := errors.AsType[*explain.Error](err); !ok || why.Code != explain.HostUnknown || !strings.Contains(why.Text, "db.example could not be looked up") {
		t.Errorf("error %v", err)
	}
	stopped, stop := context.WithCancelCause(t.Context())
	stop(errInterrupted)
	if _, err = dialer.Connect(stopped, "db.example:8888"); !errors.Is(err, errInterrupted) {
		t.Errorf("error %v", err)
	}
}

var errInterrupted = errors.New("interrupted")
