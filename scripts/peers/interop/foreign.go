package interop

import (
	"cmp"

	"tlsdemo/scripts/peers/workshop"
)

// Foreign is a peer for other checks than this one.
type Foreign struct {
	workshop.Peer // its Args have {identity}, if Identity is not empty
	// Identity is how a client says which certificate and key it has.
	Identity string
	// Ready is what a server prints once it listens.
	Ready string
	// Stack is the implementation of TLS.
	Stack string
	// Strict means that it refuses every CA with name constraints.
	Strict bool
}

// Clients returns the peers that are clients, but for our own.
func Clients() []Foreign {
	var all []Foreign
	for _, c := range clients {
		if c.stack != "Go" && c.identity != "" {
			all = append(all, Foreign{Peer: c.Peer, Identity: c.identity, Stack: cmp.Or(c.stack, c.Name), Strict: c.level == none})
		}
	}
	return all
}

// Servers returns the peers that are servers.
func Servers() []Foreign {
	var all []Foreign
	for _, s := range servers {
		all = append(all, Foreign{Peer: s.Peer, Ready: s.ready, Stack: s.Name, Strict: s.level == none})
	}
	return all
}
