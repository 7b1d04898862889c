package pcapng

import (
	"fmt"
	"net/netip"
	"time"

	"tlsdemo/tlsnet/trace"
	"tlsdemo/tlsnet/wire"
)

// madeUpComment says for what addresses stand that are made up.
const madeUpComment = "The addresses are made up. The client's is %q, the server's is %q."

// addresses are those that connections have in a file.
type addresses map[[2]netip.AddrPort]bool

// of are the addresses of a connection, which no other has, and a comment if they are made up.
func (a addresses) of(c *trace.Capture, number int) (ends [2]netip.AddrPort, comment string) {
	client, server := real(c.Client), real(c.Server)
	ends = [2]netip.AddrPort{client, server}
	usual := client.IsValid() && server.IsValid() && client.Addr().BitLen() == server.Addr().BitLen()
	if !usual || a[ends] || a[[2]netip.AddrPort{server, client}] {
		ends = madeUp(number)
		comment = fmt.Sprintf(madeUpComment, c.Client, c.Server)
	}
	a[ends] = true
	return ends, comment
}

// real is an address of TCP, or the zero address.
func real(address string) netip.AddrPort {
	parsed, err := netip.ParseAddrPort(address)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(parsed.Addr().Unmap().WithZone(""), parsed.Port())
}

// firstPort is the first of the ports that nobody is given: RFC 6335 section 6.
const firstPort = 49152

// madeUp are the addresses of a connection on loopback. There is a network of its own for every
// 16,384, so that there are enough.
func madeUp(number int) [2]netip.AddrPort {
	const ports = 1<<16 - firstPort
	network := byte(1 + number/ports)
	client := netip.AddrFrom4([4]byte{127, 255, network, 1})
	return [2]netip.AddrPort{
		netip.AddrPortFrom(client, uint16(firstPort+number%ports)),
		netip.AddrPortFrom(client.Next(), 443),
	}
}

// flow makes up the packets of a connection.
type flow struct {
	ends    [2]netip.AddrPort
	comment string
	seq     [2]uint32 // of what each side sends next
	at      time.Time
	packets []packet
}

// of are the packets of what was captured.
func (f *flow) of(c *trace.Capture) []packet {
	events := eventsOf(c)
	if len(events) > 0 {
		f.at = events[0].at
	}
	if !c.Late || f.comment != "" { // the comment is on the first packet
		f.add(wire.Client, syn, nil)
		f.packets[0].comment = f.comment
		f.add(wire.Server, syn|ack, nil)
		f.add(wire.Client, ack, nil)
	}
	for _, e := range events {
		f.play(e)
	}
	return f.packets
}

// maxData is how much a packet carries: with the headers it has to stay below 64 KiB.
const maxData = 60_000

func (f *flow) play(e event) {
	if e.at.After(f.at) {
		f.at = e.at
	}
	for len(e.data) > 0 {
		n := min(len(e.data), maxData)
		f.add(e.from, psh|ack, e.data[:n])
		e.data = e.data[n:]
	}
	if e.flags != 0 {
		f.seq[e.from] += uint32(e.skipped)
		f.add(e.from, e.flags, nil)
	}
}

func (f *flow) add(from wire.Side, flags byte, data []byte) {
	to := from.Other()
	f.packets = append(f.packets, packet{at: f.at, from: f.ends[from], to: f.ends[to], flags: flags, seq: f.seq[from], ack: f.seq[to], data: data})
	f.seq[from] += uint32(len(data))
	if flags&(syn|fin) != 0 {
		f.seq[from]++
	}
}

// event is something that a side does: it sends data, or it ends.
type event struct {
	at      time.Time
	from    wire.Side
	data    []byte
	flags   byte
	skipped int64 // how many bytes were not kept before it
}

// eventsOf are the events of a connection, in their order.
func eventsOf(c *trace.Capture) (events []event) {
	for _, chunk := range c.Chunks {
		events = append(events, event{at: chunk.At, from: chunk.From, data: chunk.Data})
	}
	for side := range c.Ended {
		events = insert(events, last(c, wire.Side(side)))
	}
	return events
}

// last is how a side ends. If it does not, but was not kept to the end, a packet without data
// stands for what is not there.
func last(c *trace.Capture, side wire.Side) event {
	end := c.Ended[side]
	e := event{at: end.At, from: side, skipped: c.Left[side]}
	switch {
	case end.How == trace.FIN:
		e.flags = fin | ack
	case end.How == trace.Reset:
		e.flags = rst | ack
	case e.skipped > 0 && len(c.Chunks) > 0:
		e.at, e.flags = c.Chunks[len(c.Chunks)-1].At, ack
	}
	return e
}

// insert adds how a side ends: at its time, but after what it has sent.
func insert(events []event, end event) []event {
	if end.flags == 0 {
		return events
	}
	at := 0
	for i, e := range events {
		if e.from == end.from || !e.at.After(end.at) {
			at = i + 1
		}
	}
	return append(events[:at:at], append([]event{end}, events[at:]...)...)
}
