package talk

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"tlsdemo/certs/chain"
	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/tlsnet"
	"tlsdemo/tlsnet/explain"
)

// Report is what there is to tell about an exchange besides the answer. Times are
// in milliseconds.
type Report struct {
	Address     string     `json:"address"`
	Version     string     `json:"tls_version,omitempty"`
	CipherSuite string     `json:"cipher_suite,omitempty"`
	Group       string     `json:"group,omitempty"`
	ALPN        string     `json:"alpn,omitempty"`
	Resumed     bool       `json:"resumed"`
	Server      string     `json:"server,omitempty"`
	ServerUntil *time.Time `json:"server_not_after,omitempty"`
	Unnamed     bool       `json:"name_not_checked,omitempty"` // but what --expect-... says
	ConnectMS   float64    `json:"connect_ms"`
	HandshakeMS float64    `json:"handshake_ms,omitempty"`
	ExchangeMS  float64    `json:"exchange_ms"`

	// HTTP is the answer's head, if that is one of HTTP.
	HTTP *answerInHTTP `json:"http,omitempty"`
	// Earlier are the connections that came to nothing, and why there was another.
	Earlier []string `json:"earlier,omitempty"`

	Ended    tlsnet.Ending `json:"-"` // how the answer ended
	answer   tlsnet.Preview
	answered bool // whether answer is to be shown as one
}

func (r *Report) negotiated(state tls.ConnectionState, config *tls.Config) {
	server := state.PeerCertificates[0]
	r.Version = tls.VersionName(state.Version)
	r.CipherSuite = tls.CipherSuiteName(state.CipherSuite)
	r.Group = state.CurveID.String()
	r.ALPN = state.NegotiatedProtocol
	r.Resumed = state.DidResume
	r.Server = chain.Short(tlsnet.Identity(server))
	r.ServerUntil = &server.NotAfter
	r.Unnamed = config.InsecureSkipVerify && !chain.HasHostName(server)
}

// again is that another connection is made, with why. What the one before brought counts no more.
func (r *Report) again(why string) {
	*r = Report{Earlier: append(r.Earlier, why)}
}

// endedWith is how the body of an answer of HTTP ended, which is all of it if err is nil.
func (r *Report) endedWith(err error) {
	r.answered, r.Ended = err == nil, tlsnet.Closed
	if cut, ok := errors.AsType[*tlsnet.ExchangeError](err); ok && cut.Code == explain.PeerStalled {
		r.Ended = tlsnet.Silence
	} else if ok {
		r.Ended = tlsnet.Cut
	}
}

// Print shows the report as lines.
func (r *Report) Print(w io.Writer) {
	for _, why := range r.Earlier {
		fmt.Fprintf(w, "tlsdemo: %s\n", console.Clean(why))
	}
	table := console.NewTable(w)
	defer table.Flush()
	fmt.Fprintf(table, "address\t%s\n", r.Address)
	if r.Version != "" {
		fmt.Fprintf(table, "TLS version\t%s\n", r.Version)
		fmt.Fprintf(table, "cipher suite\t%s\n", r.CipherSuite)
		fmt.Fprintf(table, "group\t%s\n", r.Group)
		fmt.Fprintf(table, "ALPN\t%s\n", console.Clean(cmp.Or(r.ALPN, "none")))
		fmt.Fprintf(table, "resumed\t%v\n", r.Resumed)
		fmt.Fprintf(table, "server\t%s, valid until %s\n", console.Clean(r.Server), r.ServerUntil.UTC().Format(time.RFC3339))
		if r.Unnamed {
			fmt.Fprint(table, "name\tnot checked: the server's certificate has no DNS name and no IP address, and is as --expect-... says\n")
		}
	}
	fmt.Fprintf(table, "TCP connect\t%.2f ms\n", r.ConnectMS)
	if r.Version != "" {
		fmt.Fprintf(table, "handshake\t%.2f ms\n", r.HandshakeMS)
	}
	fmt.Fprintf(table, "exchange\t%.2f ms\n", r.ExchangeMS)
	if r.Ended != "" {
		fmt.Fprintf(table, "ended\t%s\n", r.Ended)
	}
	if r.HTTP != nil {
		fmt.Fprintf(table, "HTTP\t%s\n", r.HTTP.line())
		for _, name := range slices.Sorted(maps.Keys(r.HTTP.Headers)) {
			fmt.Fprintf(table, "%s\t%s\n", name, console.Clean(r.HTTP.Headers[name]))
		}
	}
}

// isAnswer reports whether what came is to be shown as an answer, even though something
// went wrong. What is known to be a part of one is not: of a framed answer that is known.
func (r *Report) isAnswer() bool {
	return r.answer.Size > 0 && (r.ALPN != tlsnet.Protocol || r.Ended == tlsnet.Closed)
}

// quoteRest adds to an error what came of an answer that is not shown.
func (r *Report) quoteRest(err error) error {
	if err == nil || r.answered || r.HTTP == nil && r.answer.Size == 0 {
		return err
	}
	return fmt.Errorf("%w (only this part of the answer came: %s)", err, r.quote())
}

// quote is the answer as a line has it.
func (r *Report) quote() string {
	body := console.Quote(r.answer.Head, r.answer.Size)
	if r.HTTP != nil {
		return r.HTTP.line() + ": " + body
	}
	return body
}

// PrintAnswer shows the answer, if there is one.
func (r *Report) PrintAnswer(w io.Writer) error {
	if !r.answered {
		return nil
	}
	_, err := fmt.Fprintf(w, "Received %s\n", r.quote())
	return err
}

// received is the answer as --json has it.
type received struct {
	Received string `json:"received"`
	Bytes    int64  `json:"received_bytes"`
	Cut      bool   `json:"received_cut,omitempty"` // in this object, because it is long
}

// PrintJSON shows the report, the answer and why the command failed, which may be nil, as one
// object, as far as there is each.
func (r *Report) PrintJSON(w io.Writer, failed *console.Fields) error {
	var record struct {
		*Report
		Ended tlsnet.Ending `json:"ended,omitempty"`
		*received
		*console.Fields
	}
	record.Ended, record.Fields = r.Ended, failed
	if r.answered {
		record.Report = r
		record.received = &received{string(r.answer.Head), r.answer.Size, r.answer.Size > int64(len(r.answer.Head))}
	}
	return console.NewJSONEncoder(w).Encode(record)
}

// stopwatch tells the time since the lap before, in milliseconds.
type stopwatch struct {
	now  func() time.Time
	last time.Time
}

func (s *stopwatch) lap() float64 {
	now := s.now()
	took := now.Sub(s.last)
	s.last = now
	return float64(took.Microseconds()) / 1000
}
