package tracecmd

import (
	"fmt"
	"slices"

	"tlsdemo/tlsnet/wire"
)

// foreign suspects which protocol a side speaks that does not speak TLS: its first words tell of most.
func foreign(c *wire.Conversation, side wire.Side) suspicion {
	at := slices.IndexFunc(c.Messages, func(m wire.Message) bool { return m.From == side && m.Content == wire.NotTLS })
	if at < 0 {
		return suspicion{}
	}
	seen := wire.Seen{In: c.Messages[at].Raw}
	p, ok := seen.ClientProtocol()
	if side == wire.Server {
		p, ok = seen.ServerProtocol()
	}
	code := "peer-not-tls"
	switch {
	case !ok:
		return suspicion{}
	case p.Kind == wire.Perhaps:
		return suspicion{"", fmt.Sprintf("Perhaps the %v speaks %s: %s.", side, p.Name, p.TLS)}
	case p.Kind == wire.HTTP:
		return suspicion{"peer-plaintext-http", fmt.Sprintf("Likely peer-plaintext-http: the %v speaks %s without TLS. tlsdemo failures peer-plaintext-http says more.", side, p.Name)}
	case p.Kind == wire.ProxyHeader:
		code = "peer-proxy-header"
	case p.Kind == wire.BeforeTLS && side == wire.Server:
		code = "peer-wants-starttls"
	}
	return suspicion{code, fmt.Sprintf("Likely %s: the %v speaks %s: %s. tlsdemo failures %[1]s says more.", code, side, p.Name, p.TLS)}
}
