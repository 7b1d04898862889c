package trace

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"time"

	"tlsdemo/scripts/peers/workshop"
)

// scene is an exchange that is captured.
type scene struct {
	name           string
	server, client end
	version        uint16 // 0 is for whatever both agree on
	asServer       string // whose certificate the server has; empty is "server"
	asClient       string // whose certificate the client has; empty is "client"
	// again is the client of a second connection, that resumes the session of the first.
	again *end
	// config changes what crypto/tls does, where it is an end.
	config func(*goEnds)
	// play is what is said to processes while they talk. If it is nil, the client says what it
	// says, and ends by itself.
	play func(ctx context.Context, server, client *workshop.Process) error
	// has is what has to be seen in one of the connections, so that the scene is what its name
	// says: names of messages, of alerts, or of the cipher suite; or "resumed".
	has []string
	// long is whether it is played with --long only.
	long bool
}

var versions = []uint16{tls.VersionTLS13, tls.VersionTLS12}

func nameOf(version uint16) string { return strings.TrimPrefix(tls.VersionName(version), "TLS ") }

// scenes are all there are: every program with every other, at both versions, of which those that
// have neither crypto/tls nor OpenSSL as the server are for --long; what is special; and refusals.
func scenes() []scene {
	return slices.Concat(pairs(), strangers(), special(), suites(), refusals())
}

func pairs() (all []scene) {
	for _, server := range servers {
		for _, client := range clients {
			for _, version := range versions {
				all = append(all, scene{
					name:    fmt.Sprintf("%s to %s, %s", client.Name, server.Name, nameOf(version)),
					server:  server,
					client:  client,
					version: version,
					long:    server.Name != ours.Name && client.Name != ours.Name && server.Name != opensslServer.Name,
				})
			}
		}
	}
	return all
}

// suites are the cipher suites that are not those of the pairs, and keys of servers.
func suites() (all []scene) {
	for _, suite := range []string{"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_CCM_SHA256"} {
		all = append(all, scene{name: suite, server: opensslServer.with("-ciphersuites " + suite), client: opensslClient.with("-ciphersuites " + suite), version: tls.VersionTLS13, has: []string{suite}})
	}
	for _, suite := range []struct{ cipher, server, name string }{
		{"ECDHE-ECDSA-AES128-GCM-SHA256", "server", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
		{"ECDHE-ECDSA-CHACHA20-POLY1305", "server", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"},
		{"ECDHE-RSA-AES256-GCM-SHA384", "rsa", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"},
		{"DHE-RSA-AES128-GCM-SHA256", "rsa", "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"},
		{"AES256-GCM-SHA384", "rsa", "TLS_RSA_WITH_AES_256_GCM_SHA384"},
		{"ECDHE-ECDSA-AES128-SHA", "server", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"},
		{"ECDHE-ECDSA-AES256-SHA384", "server", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384"},
		{"DHE-RSA-AES256-SHA256", "rsa", "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256"},
		{"ECDHE-ECDSA-AES128-CCM", "server", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM"},
		{"DHE-RSA-CAMELLIA256-SHA", "rsa", "TLS_DHE_RSA_WITH_CAMELLIA_256_CBC_SHA"},
	} {
		cipher := "-cipher " + suite.cipher
		all = append(all, scene{name: suite.name, server: opensslServer.with(cipher), client: opensslClient.with(cipher), version: tls.VersionTLS12, asServer: suite.server, has: []string{suite.name}})
	}
	all = append(all, scene{name: "CBC, not encrypt-then-MAC", server: ours, client: opensslClient.with("-cipher ECDHE-ECDSA-AES128-SHA"), version: tls.VersionTLS12, config: func(g *goEnds) {
		g.server.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
	}})
	for _, suite := range []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA} {
		all = append(all, scene{name: "Go: " + tls.CipherSuiteName(suite), server: ours, client: ours, version: tls.VersionTLS12, config: func(g *goEnds) { g.client.CipherSuites = []uint16{suite} }})
	}
	for _, key := range []string{"ed25519", "p521", "rsa"} {
		for _, version := range versions {
			all = append(all, scene{name: "key: " + key + ", " + nameOf(version), server: ours, client: ours, version: version, asServer: key})
		}
	}
	return all
}

// strangers are clients that talk to crypto/tls only.
func strangers() (all []scene) {
	for _, client := range others {
		all = append(all, scene{name: "any version: " + client.Name + " to Go", server: ours, client: client})
	}
	return all
}

func special() []scene {
	curves := func(client, server []tls.CurveID) func(*goEnds) {
		return func(g *goEnds) { g.client.CurvePreferences, g.server.CurvePreferences = client, server }
	}
	resumed := func(g *goEnds) { g.client.ClientSessionCache = tls.NewLRUClientSessionCache(4) }
	sessionOut, sessionIn := opensslClient.with("-sess_out {session}"), opensslClient.with("-sess_in {session}")
	early := interactive(sessionIn).with("-early_data {early}")
	elsewhere := early.with("-groups X25519:P-256")
	psk := " -psk 0123456789abcdef0123456789abcdef"
	return []scene{
		{name: "retry: Go to Go", server: ours, client: ours, has: []string{"HelloRetryRequest"}, version: tls.VersionTLS13, config: curves([]tls.CurveID{tls.X25519, tls.CurveP384}, []tls.CurveID{tls.CurveP384})},
		{name: "retry: OpenSSL to OpenSSL", server: opensslServer.with("-groups P-521"), client: opensslClient.with("-groups P-256:P-521"), has: []string{"HelloRetryRequest"}, version: tls.VersionTLS13},
		{name: "resumed: Go to Go, 1.3", server: ours, client: ours, again: &ours, has: []string{"resumed"}, version: tls.VersionTLS13, config: resumed},
		{name: "resumed: Go to Go, 1.2", server: ours, client: ours, again: &ours, has: []string{"resumed"}, version: tls.VersionTLS12, config: resumed},
		{name: "resumed: OpenSSL to OpenSSL, 1.3", server: opensslServer, client: sessionOut, again: &sessionIn, has: []string{"resumed"}, version: tls.VersionTLS13},
		{name: "resumed: OpenSSL to OpenSSL, 1.2", server: opensslServer, client: sessionOut, again: &sessionIn, has: []string{"resumed"}, version: tls.VersionTLS12},
		{name: "resumed: OpenSSL to OpenSSL, 1.2, by session id", server: opensslServer.with("-no_ticket"), client: sessionOut, again: &sessionIn, has: []string{"resumed"}, version: tls.VersionTLS12},
		{name: "resumed: OpenSSL to Go, 1.2", server: ours, client: sessionOut, again: &sessionIn, has: []string{"resumed"}, version: tls.VersionTLS12},
		{name: "resumed: GnuTLS to Go, 1.3", server: ours, client: gnutlsClient.with("--resume --waitresumption"), has: []string{"resumed"}, version: tls.VersionTLS13},
		{name: "early data: accepted", server: interactive(opensslServer).with("-early_data"), client: interactive(sessionOut), again: &early, play: sayOne, has: []string{"resumed", "EndOfEarlyData"}, version: tls.VersionTLS13},
		{name: "early data: refused", server: interactive(opensslServer).with("-max_early_data 1000"), client: interactive(sessionOut), again: &early, play: sayOne, has: []string{"resumed"}, version: tls.VersionTLS13},
		{name: "early data: refused by a retry", server: interactive(opensslServer).with("-early_data -groups P-256"), client: interactive(sessionOut).with("-groups P-256"), again: &elsewhere, play: sayOne, has: []string{"HelloRetryRequest"}, version: tls.VersionTLS13},
		{name: "key updates", server: interactive(opensslServer), client: interactive(opensslClient), has: []string{"KeyUpdate"}, version: tls.VersionTLS13, play: updateKeys},
		{name: "key update to Go", server: ours, client: interactive(opensslClient), has: []string{"KeyUpdate"}, version: tls.VersionTLS13, play: updateOurKeys},
		{name: "authentication after the handshake", server: interactive(opensslServer.with("-verify 0")), client: interactive(opensslClient.with("-enable_pha")), has: []string{"CertificateRequest"}, version: tls.VersionTLS13, play: askLater},
		{name: "renegotiation", server: interactive(opensslServer).with("-client_renegotiation"), client: interactive(opensslClient), has: []string{"HelloRequest"}, version: tls.VersionTLS12, play: renegotiate},
		{name: "short records, 1.3", server: opensslServer.with("-max_send_frag 512"), client: opensslClient.with("-max_send_frag 512"), version: tls.VersionTLS13, asClient: "large"},
		{name: "short records, 1.2", server: opensslServer.with("-max_send_frag 512"), client: opensslClient.with("-max_send_frag 512"), version: tls.VersionTLS12, asClient: "large"},
		{name: "padded records", server: opensslServer.with("-record_padding 1000"), client: opensslClient.with("-record_padding 300"), version: tls.VersionTLS13},
		{name: "20 KiB of certificate, 1.3", server: ours, client: ours, version: tls.VersionTLS13, asClient: "large"},
		{name: "20 KiB of certificate, 1.2", server: ours, client: ours, version: tls.VersionTLS12, asClient: "large"},
		{name: "key of both ends, 1.3", server: opensslServer.with("-nocert" + psk), client: opensslClient.with(psk), has: []string{"resumed"}, version: tls.VersionTLS13},
		{name: "key of both ends, 1.2", server: opensslServer.with("-cipher PSK" + psk), client: opensslClient.with("-cipher PSK-AES128-GCM-SHA256" + psk), has: []string{"TLS_PSK_WITH_AES_128_GCM_SHA256"}, version: tls.VersionTLS12},
		{name: "key of both ends, 1.2, ECDHE", server: opensslServer.with("-cipher PSK" + psk), client: opensslClient.with("-cipher ECDHE-PSK-CHACHA20-POLY1305" + psk), has: []string{"TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256"}, version: tls.VersionTLS12},
		{name: "stapled OCSP, 1.3", server: ours, client: ours, version: tls.VersionTLS13, config: staple},
		{name: "stapled OCSP, 1.2", server: ours, client: ours, has: []string{"CertificateStatus"}, version: tls.VersionTLS12, config: staple},
		{name: "compressed certificates offered", server: gnutlsServer.with("--compress-cert=zlib"), client: gnutlsClient.with("--compress-cert=zlib"), version: tls.VersionTLS13},
		{name: "early data: GnuTLS to GnuTLS", server: gnutlsServer.with("--earlydata --maxearlydata=1000"), client: gnutlsClient.with("--resume --waitresumption --earlydata={early}"), has: []string{"resumed"}, version: tls.VersionTLS13},
		{name: "encrypted hello", server: ours, client: ours, version: tls.VersionTLS13, config: hideHello},
		{name: "encrypted hello: refused", server: ours, client: ours, version: tls.VersionTLS13, config: func(g *goEnds) {
			hideHello(g)
			g.server.EncryptedClientHelloKeys = nil
		}},
		{name: "any version: Chromium to Go", server: ours, client: chromium, long: true, play: readPage, has: []string{"EncryptedExtensions", "Finished", "ApplicationData"}, config: func(g *goEnds) {
			g.server.ClientAuth = tls.NoClientCert
		}},
		{name: "any version: OpenSSL to Go", server: ours, client: opensslClient},
		{name: "any version: GnuTLS to GnuTLS", server: gnutlsServer, client: gnutlsClient},
	}
}

// interactive is OpenSSL that takes commands: a letter at the beginning of a line.
func interactive(e end) end {
	e.Args = strings.NewReplacer(" -www", "", " -ign_eof", "").Replace(e.Args)
	e.say = ""
	return e
}

func staple(g *goEnds) {
	chain := slices.Clone(g.server.Certificates)
	chain[0].OCSPStaple, chain[0].SignedCertificateTimestamps = []byte("\x30\x03\x0a\x01\x06"), [][]byte{[]byte("one"), []byte("two")}
	g.server.Certificates = chain
}

// refusals are handshakes that are broken off.
func refusals() (all []scene) {
	for _, version := range versions {
		add := func(name string, s scene) {
			s.name, s.version = name+", "+nameOf(version), version
			all = append(all, s)
		}
		for _, server := range []end{ours, opensslServer, gnutlsServer, nginx} {
			add("refused: an expired client by "+server.Name, scene{server: server, client: opensslClient, asClient: "expired"})
		}
		for _, client := range []end{ours, opensslClient, gnutlsClient, curl, nodeClient, pythonClient, javaClient} {
			add("refused: a foreign server by "+client.Name, scene{server: ours, client: client, asServer: "foreign"})
		}
		add("refused: no certificate", scene{server: ours, client: ours, config: func(g *goEnds) { g.client.Certificates = nil }})
		add("refused: no protocol in common", scene{server: ours, client: ours, config: func(g *goEnds) { g.client.NextProtos = []string{"nobody"} }})
	}
	return append(all,
		scene{name: "refused: no version in common", server: ours, client: ours, config: func(g *goEnds) {
			g.client.MaxVersion, g.server.MinVersion = tls.VersionTLS12, tls.VersionTLS13
		}},
		scene{name: "refused: no suite in common", server: opensslServer.with("-cipher AES256-SHA"), client: ours, version: tls.VersionTLS12},
	)
}

// readPage waits for a browser to print the page: when it ends by itself is another matter.
func readPage(ctx context.Context, _, browser *workshop.Process) error {
	return browser.Await(ctx, workshop.Reply)
}

// sayOne has the client say something, and end.
func sayOne(ctx context.Context, server, client *workshop.Process) error {
	return steps(ctx, client, []step{{client, "one\n", server, "one\n"}})
}

// updateKeys has both ends change their keys, with and without asking the other for it.
func updateKeys(ctx context.Context, server, client *workshop.Process) error {
	return steps(ctx, client, []step{
		{client, "one\n", server, "one\n"},
		{client, "k\n", client, "KEYUPDATE\n"},
		{client, "two\n", server, "two\n"},
		{client, "K\n", client, "KEYUPDATE\n"},
		{client, "three\n", server, "three\n"},
		{server, "k\n", nil, ""},
		{client, "four\n", server, "four\n"},
		{server, "five\n", client, "five\n"},
		{server, "K\n", nil, ""},
		{client, "six\n", server, "six\n"},
		{server, "seven\n", client, "seven\n"},
		{client, "eight\n", server, "eight\n"},
	})
}

// updateOurKeys asks crypto/tls to change its keys.
func updateOurKeys(ctx context.Context, _, client *workshop.Process) error {
	if err := (step{client, "K\n", client, "KEYUPDATE\n"}).take(ctx); err != nil {
		return err
	}
	client.Say(request)
	return client.Wait(ctx)
}

// askLater has the server ask for a certificate after the handshake: RFC 8446 section 4.6.2.
func askLater(ctx context.Context, server, client *workshop.Process) error {
	return steps(ctx, client, []step{
		{client, "one\n", server, "one\n"},
		{server, "c\n", server, "SSL_do_handshake -> 1\n"},
		{server, "two\n", client, "two\n"},
		{client, "three\n", server, "three\n"},
	})
}

// renegotiate has each end begin a second handshake.
func renegotiate(ctx context.Context, server, client *workshop.Process) error {
	return steps(ctx, client, []step{
		{client, "one\n", server, "one\n"},
		{client, "R\n", client, "RENEGOTIATING\n"},
		{client, "two\n", server, "two\n"},
		{server, "r\n", server, "SSL_do_handshake -> "},
		{server, "three\n", client, "three\n"},
		{client, "four\n", server, "four\n"},
	})
}

// step is something that one says, until another prints something more often than before. A
// command of OpenSSL has to be all that it reads at a time. Its server does not say that it has
// read one, but it does so before it reads what the client says next: then there is no other.
type step struct {
	who    *workshop.Process
	says   string
	other  *workshop.Process
	prints string
}

func (s step) take(ctx context.Context) error {
	if s.other == nil {
		s.who.Say(s.says)
		return nil
	}
	before := strings.Count(s.other.String(), s.prints)
	s.who.Say(s.says)
	for strings.Count(s.other.String(), s.prints) <= before {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %q: %w", s.prints, context.Cause(ctx))
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// steps takes the steps, and then has OpenSSL's client quit.
func steps(ctx context.Context, client *workshop.Process, all []step) error {
	for _, s := range all {
		if err := s.take(ctx); err != nil {
			return err
		}
	}
	client.Say("Q\n")
	return client.Wait(ctx)
}
