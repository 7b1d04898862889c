package explain

import (
	"crypto/tls"
	"runtime"
	"testing"
	"time"
)

// What is kept for a configuration goes with it, even where its own functions refer to it.
func TestEntrancesAreNotKept(t *testing.T) {
	d := &doorway{}
	for range 100 {
		config := &tls.Config{}
		config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return config, nil }
		config.VerifyConnection = func(tls.ConnectionState) error { _ = config; return nil }
		if one, two := d.of(config), d.of(config); one != two {
			t.Fatal("a configuration has two entrances")
		}
	}
	count := func() (n int) {
		d.known.Range(func(_, _ any) bool { n++; return true })
		return n
	}
	for deadline := time.Now().Add(10 * time.Second); count() > 1; {
		if time.Now().After(deadline) {
			t.Fatalf("%d entrances are kept", count())
		}
		runtime.GC()
	}
}
