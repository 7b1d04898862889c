package pcapng

import (
	"cmp"
	"container/heap"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"tlsdemo/tlsnet/trace"
	"tlsdemo/tlsnet/wire"
)

// maxTalks is how many connections are kept of a file.
const maxTalks = 1 << 14

// talks are the connections of a file.
type talks struct {
	all     []*talk
	open    map[pair]*talk
	secrets *wire.Secrets
	room    int64 // how much may still be kept
	over    bool  // there are more than are kept
}

// pair are the addresses of a connection, the lower one first.
type pair [2]netip.AddrPort

func pairOf(p *packet) pair {
	if p.from.Compare(p.to) < 0 {
		return pair{p.from, p.to}
	}
	return pair{p.to, p.from}
}

// add takes a packet. A SYN begins another connection, unless it is a copy of the one that did.
func (ts *talks) add(p *packet) {
	t := ts.open[pairOf(p)]
	if t == nil || p.flags&(syn|ack) == syn && !t.began(p) {
		if p.flags&rst != 0 || p.flags&syn == 0 && len(p.data) == 0 {
			return // it belongs to nothing
		}
		if len(ts.all) >= maxTalks {
			ts.over = true
			return
		}
		t = &talk{talks: ts, ends: [2]netip.AddrPort{p.from, p.to}, late: p.flags&syn == 0}
		ts.all, ts.open[pairOf(p)] = append(ts.all, t), t
	}
	t.add(p)
}

// captures returns the connections on which anything was said, and what is wrong with them.
func (ts *talks) captures() (all []*trace.Capture, problems []error) {
	for _, t := range ts.all {
		c := t.capture()
		if len(c.Chunks) == 0 {
			continue
		}
		all = append(all, c)
		for side, n := range t.missing() {
			if n > 0 && len(problems) < maxProblems {
				problems = append(problems, fmt.Errorf("of what %s sent to %s, %s", t.ends[side], t.ends[1-side], t.halves[side].absent(n)))
			}
		}
	}
	if ts.over {
		problems = append(problems, fmt.Errorf("it has more than %d connections: the others are not read", maxTalks))
	}
	return all, problems
}

func bytesAre(n int64) string {
	if n == 1 {
		return "1 byte is"
	}
	return fmt.Sprintf("%d bytes are", n)
}

// maxProblems is of how many sides it is told that something is missing.
const maxProblems = 5

// talk is a connection. Its sides are in the order of ends, whichever of them is the client.
type talk struct {
	*talks
	ends   [2]netip.AddrPort
	names  [2]string // what the addresses stand for, if they are made up
	halves [2]half
	chunks []wire.Chunk
	kept   int64
	left   [2]int64  // there is no room for it
	seen   time.Time // of the last packet
	at     time.Time // and for what it was taken
	last   int       // which of ends has sent it
	client int       // 1 + which of ends it is, or 0
	late   bool      // its first packet is not there
}

// half is what one side sends. Positions are in that.
type half struct {
	known   bool
	base    uint32 // the number of the first byte
	next    int64  // the position of what is still to come
	end     int64  // of all that is known to have been sent; a FIN counts if it is not there
	fin     bool   // it is there, and end is where it is
	waiting segments
	ended   trace.End
}

// began reports whether a packet is the one that the connection began with.
func (t *talk) began(p *packet) bool {
	h := &t.halves[0]
	return p.from == t.ends[0] && h.known && h.base == p.seq+1
}

func (t *talk) add(p *packet) {
	side := 0
	if p.from != t.ends[0] {
		side = 1
	}
	t.order(side, p)
	h := &t.halves[side]
	seq := p.seq
	if p.flags&syn != 0 {
		seq++
		t.role(side, p)
	}
	if !h.known && p.flags&rst == 0 {
		h.known, h.base = true, seq
	}
	at := h.position(seq)
	if p.flags&rst != 0 {
		if h.known && p.flags&ack != 0 { // otherwise its number is that which the other side expects
			h.sent(at)
		}
		h.endedBy(trace.Reset, p.at)
		return
	}
	h.sent(at + int64(len(p.data)+p.lost))
	t.halves[1-side].acknowledged(p)
	t.take(side, segment{at, p.data}, p.at)
	if p.flags&fin != 0 {
		h.end, h.fin = at+int64(len(p.data)+p.lost), true
		h.endedBy(trace.FIN, p.at)
	}
}

// order has what one side says, or that it ends, come after what the other has said at the same time, as it
// stands in the file: who ended the connection is told by that. Some clocks are coarse, and some files have
// no times.
func (t *talk) order(side int, p *packet) {
	if len(p.data) == 0 && p.flags&(fin|rst) == 0 || p.at.Before(t.seen) {
		return // it says nothing, or was captured in another order
	}
	t.seen = p.at
	if p.at.Before(t.at) {
		p.at = t.at
	}
	if p.at.Equal(t.at) && side != t.last {
		p.at = t.at.Add(time.Nanosecond)
	}
	t.at, t.last = p.at, side
}

// role notes who is the client: it says so in its first packet. There may be a comment on it that
// says for what the addresses stand.
func (t *talk) role(side int, p *packet) {
	t.client = 1 + side
	if p.flags&ack != 0 {
		t.client = 2 - side
	} else if p.comment != "" {
		_, _ = fmt.Sscanf(p.comment, madeUpComment, &t.names[0], &t.names[1])
	}
}

// position is where a byte with a number is. Numbers begin again after 4 GiB, so that only those
// near what comes next can be told.
func (h *half) position(seq uint32) int64 {
	return h.next + int64(int32(seq-h.base-uint32(h.next)))
}

// acknowledged notes what the other side has received, so that what is not in the file is missed.
// It counts a FIN as well.
func (h *half) acknowledged(p *packet) {
	if p.flags&ack == 0 || !h.known {
		return
	}
	if received := h.position(p.ack); received > h.end+1 {
		h.sent(received)
	}
}

// sent notes that a side has sent all before a position.
func (h *half) sent(before int64) {
	if !h.fin {
		h.end = max(h.end, before)
	}
}

// endedBy notes the first way in which a side ended.
func (h *half) endedBy(how trace.Ending, at time.Time) {
	if h.ended.How == trace.Open {
		h.ended = trace.End{At: at, How: how}
	}
}

// take takes what a side sends, if it is its turn, and all that has waited for it; or has it wait.
func (t *talk) take(side int, s segment, when time.Time) {
	h := &t.halves[side]
	if s.at > h.next {
		if len(s.data) > 0 && t.fits(len(s.data)) {
			heap.Push(&h.waiting, segment{s.at, slices.Clone(s.data)})
		}
		return
	}
	t.say(side, s, when)
	for len(h.waiting) > 0 && h.waiting[0].at <= h.next {
		t.room += int64(len(h.waiting[0].data)) + perPiece
		t.say(side, heap.Pop(&h.waiting).(segment), when)
	}
}

// perPiece is what a piece takes besides the bytes in it: most of it, where packets have a byte each.
const perPiece = 64

// fits reports whether there is room for a piece, and takes it.
func (ts *talks) fits(size int) bool {
	if int64(size)+perPiece > ts.room {
		return false
	}
	ts.room -= int64(size) + perPiece
	return true
}

// say adds what has not been said yet. Once there was no room for something, nothing that comes
// later is kept: it would not fit to what is there.
func (t *talk) say(side int, s segment, when time.Time) {
	h := &t.halves[side]
	if s.at+int64(len(s.data)) <= h.next {
		return
	}
	data := s.data[h.next-s.at:]
	h.next += int64(len(data))
	if t.left != [2]int64{} || t.kept+int64(len(data)) > trace.DefaultLimit || !t.fits(len(data)) {
		t.left[side] += int64(len(data))
		return
	}
	t.kept += int64(len(data))
	t.chunks = append(t.chunks, wire.Chunk{At: when, From: wire.Side(side), Data: slices.Clone(data)})
}

// missing is how many bytes of each side the file does not have, or has only what comes after them.
func (t *talk) missing() (missing [2]int64) {
	for side := range t.halves {
		missing[side] = max(0, t.halves[side].end-t.halves[side].next)
	}
	return missing
}

// absent says how many of the bytes that are missing the file does not have. The others stand after
// those.
func (h *half) absent(missing int64) string {
	slices.SortFunc(h.waiting, func(a, b segment) int { return cmp.Compare(a.at, b.at) })
	at, waiting := h.next, int64(0)
	for _, s := range h.waiting {
		end := max(at, s.at+int64(len(s.data)))
		waiting += end - max(at, s.at)
		at = end
	}
	said := bytesAre(missing-waiting) + " missing"
	if waiting > 0 {
		said += ", and " + bytesAre(waiting) + " of no use without those"
	}
	return said
}

// capture returns the connection, with the client as the client.
func (t *talk) capture() *trace.Capture {
	c := &trace.Capture{Chunks: t.chunks, Secrets: t.secrets, Late: t.late}
	missing := t.missing()
	client, known := t.whoIsClient()
	c.Guessed = !known
	var names [2]string
	for side := range t.halves {
		as := side ^ client
		names[as] = t.ends[side].String()
		c.Left[as] = t.left[side] + missing[side]
		c.Ended[as] = t.halves[side].ended
	}
	for i := range c.Chunks {
		c.Chunks[i].From ^= wire.Side(client)
	}
	c.Client, c.Server = cmp.Or(t.names[0], names[0]), cmp.Or(t.names[1], names[1])
	return c
}

// whoIsClient returns which of the ends is the client. If its first packet is not there, it is
// told by the first message of the handshake. Otherwise it is not known, and taken to be the one with
// the higher port.
func (t *talk) whoIsClient() (client int, known bool) {
	if t.client > 0 {
		return t.client - 1, true
	}
	for _, chunk := range t.chunks {
		if d := chunk.Data; len(d) > 5 && d[0] == 22 && d[1] == 3 {
			switch d[5] {
			case wire.ClientHello:
				return int(chunk.From), true
			case wire.ServerHello:
				return int(chunk.From.Other()), true
			}
		}
	}
	if t.ends[0].Port() >= t.ends[1].Port() {
		return 0, false
	}
	return 1, false
}

// segment is data at a position.
type segment struct {
	at   int64
	data []byte
}

// segments are those that wait, the one of the lowest position first: a heap.
type segments []segment

func (s segments) Len() int           { return len(s) }
func (s segments) Less(i, j int) bool { return s[i].at < s[j].at }
func (s segments) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *segments) Push(x any)        { *s = append(*s, x.(segment)) }
func (s *segments) Pop() any {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return last
}
