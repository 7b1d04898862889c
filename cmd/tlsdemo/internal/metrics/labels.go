package metrics

import (
	"crypto/tls"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"tlsdemo/certs"
	"tlsdemo/tlsnet/explain"
)

// Labels where something was not agreed on, or is none of those that we know.
const (
	none  = "none"
	other = "other"
)

var (
	versions = [...]uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13}
	groups   = [...]tls.CurveID{
		tls.X25519MLKEM768, tls.SecP256r1MLKEM768, tls.SecP384r1MLKEM1024,
		tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521,
	}
)

func version(state *tls.ConnectionState) string {
	switch {
	case state.Version == 0:
		return none
	case !slices.Contains(versions[:], state.Version):
		return other
	}
	return tls.VersionName(state.Version)
}

func group(state *tls.ConnectionState) string {
	switch {
	case state.CurveID == 0:
		return none
	case !slices.Contains(groups[:], state.CurveID):
		return other
	}
	return state.CurveID.String()
}

// shaken counts handshakes that succeeded. Each combination is looked up by its labels once.
type shaken struct {
	of     *prometheus.CounterVec // code, version, group, resumed
	counts [len(versions) + 1][len(groups) + 1][2]atomic.Pointer[prometheus.Counter]
}

func (s *shaken) count(state *tls.ConnectionState) {
	again := 0
	if state.DidResume {
		again = 1
	}
	// What is not in a list has the place before its first.
	at := &s.counts[1+slices.Index(versions[:], state.Version)][1+slices.Index(groups[:], state.CurveID)][again]
	counter := at.Load()
	if counter == nil {
		found := s.of.WithLabelValues("ok", version(state), group(state), strconv.FormatBool(state.DidResume))
		counter = &found
		at.Store(counter)
	}
	(*counter).Inc()
}

// Unexplained is the code of a failure that no explanation has one for.
const Unexplained = "exchange-failed"

// knownCodes are those that a failure may have.
func knownCodes() map[string]bool {
	known := map[string]bool{LeftOut: true, Unexplained: true}
	for _, code := range explain.Codes() {
		known[string(code)] = true
	}
	for _, code := range certs.Codes() {
		known[string(code)] = true
	}
	return known
}
