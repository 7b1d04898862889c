package trace

import (
	"crypto/tls"
	"testing"
)

// BenchmarkExchange is an exchange with a server that is recorded, beside one that is not.
func BenchmarkExchange(b *testing.B) {
	for name, r := range map[string]*Recorder{"bare": nil, "recorded": {Done: func(*Capture) {}}} {
		b.Run(name, func(b *testing.B) {
			server, client := configs(b, tls.VersionTLS13)
			client.ClientSessionCache = nil
			addr, stop := serving(b, r, server)
			defer stop()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := asking(b, nil, client, addr); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
