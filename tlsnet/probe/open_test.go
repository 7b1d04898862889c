package probe

import (
	"testing"

	"tlsdemo/tlsnet/explain"
)

// A reset that is faster than connect is tried again like one that comes a moment later: which
// of the two it is, is chance. Where there was no connection there is nothing to try.
func TestOpen(t *testing.T) {
	reset := []*explain.Error{{Code: explain.PeerClosedBeforeHello}}
	nobody := []*explain.Error{{Code: explain.ConnectionRefused, Certainty: explain.Certain}}
	for _, c := range []struct {
		name   string
		report Report
		want   bool
	}{
		{"reset at once", Report{begun: true, Faults: reset}, true},
		{"reset later", Report{Remote: "127.0.0.1:1", begun: true, Faults: reset}, true},
		{"nobody listens", Report{Faults: nobody}, false},
		{"reset before what comes before TLS", Report{Faults: reset}, false},
	} {
		if got := open(&c.report); got != c.want {
			t.Errorf("%s: experiments are made: %v", c.name, got)
		}
	}
}
