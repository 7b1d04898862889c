package failures

import (
	"maps"
	"os"
	"path/filepath"
	"strings"

	"tlsdemo/scripts/peers/workshop"
	"tlsdemo/tlsnet/explain"
)

// foreign is an implementation of TLS at the other end, and what it can be told.
type foreign struct {
	workshop.Peer // its Args or its Conf have {identity}, {demand} and {options}
	// identity is how to say which certificate and key it has.
	identity string
	// chain is how to say which certificates go along with it, for a peer that takes one from
	// a file.
	chain string
	// demand is how to say that the other's certificate has to be sound, and demands
	// is what is said instead: to be lax about that, to ask for it with no-sni, to ask for
	// it later, once there is a request, or, with list-other, to name another CA in the
	// request than the one by which it judges.
	demand  string
	demands map[string]string
	// options are how to say what a situation asks for: tls1.2 or tls1.3, a suite or a
	// group that is the only one, an alpn, a crl to check, or crls for the whole chain, a
	// depth of one intermediate, RSA key exchange only (old), one-name that a client has to
	// send, allow only somebody else, have no-cert, be mute (never
	// answers), mum (closes at once), leave, or be a proxy whose backend is down.
	options map[string]string
	// instead are options that take another command line altogether.
	instead map[string]string
	// ready is what a server prints once it listens.
	ready string
	// cuts is a server that closes without close_notify, once it has answered.
	cuts bool
	// deaf is a server that has nothing to say to a message of ours: it speaks another
	// protocol.
	deaf bool
	// web is a server of HTTP/1, which answers requests only, and would choose a protocol
	// of its own by ALPN.
	web bool
	// slow is a peer that takes long to start.
	slow bool
	// orderly is a peer that takes no certificates that are not in order, or that are no part
	// of the chain.
	orderly bool
	// shallow is a peer that takes one intermediate at most, unless it is told otherwise.
	shallow bool
	// raw is a peer that is no more than a socket of ours.
	raw bool
}

// fit returns the peer as a situation wants it at that side, or false if it cannot be that.
func (f foreign) fit(s situation, side explain.Side) (workshop.Peer, bool) {
	p, said := f.Peer, ""
	if f.raw != (s.talk != nil) || f.deaf && s.accepted || f.shallow && s.deep || f.orderly && s.disorderly {
		return p, false
	}
	identity, demand := f.identity, f.demand
	if s.sends(side) {
		identity += f.chain
	}
	for _, option := range s.options {
		if args, ok := f.instead[option]; ok {
			p.Args, p.Conf = args, ""
			continue
		}
		if text, ok := f.demands[option]; ok {
			demand = text
			continue
		}
		text, ok := f.options[option]
		if !ok {
			return p, false
		}
		if option == "no-cert" {
			identity = ""
		}
		said += text
	}
	fill := strings.NewReplacer("{identity}", identity, "{demand}", demand, "{options}", said)
	p.Args, p.Conf = fill.Replace(p.Args), fill.Replace(p.Conf)
	return p, true
}

// with returns options with more of them.
func with(options map[string]string, more map[string]string) map[string]string {
	all := maps.Clone(options)
	maps.Copy(all, more)
	return all
}

// without returns options with one less.
func without(options map[string]string, option string) map[string]string {
	rest := maps.Clone(options)
	delete(rest, option)
	return rest
}

// streamModules are where nginx may have what proxies TCP, if that is not built in.
var streamModules = []string{
	"/usr/lib/nginx/modules/ngx_stream_module.so",
	"/usr/lib64/nginx/modules/ngx_stream_module.so",
}

func streamModule() string {
	for _, file := range streamModules {
		if _, err := os.Stat(file); err == nil {
			return file
		}
	}
	return ""
}

// unavailable returns what of it is missing.
func (f foreign) unavailable() string {
	if program := f.Missing(); program != "" {
		return program
	}
	if strings.Contains(f.Conf, "{stream}") && streamModule() == "" {
		return filepath.Base(streamModules[0])
	}
	return ""
}
