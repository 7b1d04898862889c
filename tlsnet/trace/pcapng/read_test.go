package pcapng

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"tlsdemo/tlsnet/trace"
	"tlsdemo/tlsnet/wire"
)

// read reads a file that is as it should be.
func read(t testing.TB, file []byte) []*trace.Capture {
	t.Helper()
	captures, err := Read(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return captures
}

func written(t testing.TB, captures ...*trace.Capture) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := Write(&file, captures...); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// told is what is said in a conversation, and how it is checked.
func told(c *trace.Capture) (lines []string) {
	for _, m := range c.Conversation().Messages {
		lines = append(lines, m.From.String()+" "+m.Name+" "+m.Key+" "+m.Proof+m.Fault+" "+m.At.Format(time.RFC3339Nano)+" "+string(m.Raw))
	}
	return lines
}

// same compares all that is known of two connections. Of a file the time has no monotonic part.
func same(t *testing.T, got, want *trace.Capture) {
	t.Helper()
	if got.Client != want.Client || got.Server != want.Server || got.Left != want.Left {
		t.Errorf("%s to %s, left %d; want %s to %s, left %d", got.Client, got.Server, got.Left, want.Client, want.Server, want.Left)
	}
	if a, b := told(got), told(want); !slices.Equal(a, b) {
		t.Errorf("%q\nwant\n%q", a, b)
	}
	for side, end := range want.Ended {
		if now := got.Ended[side]; now.How != end.How || !now.At.Equal(end.At) && end.How != trace.Open {
			t.Errorf("side %d: %+v, want %+v", side, now, end)
		}
	}
	if !bytes.Equal(got.KeyLog(), want.KeyLog()) {
		t.Errorf("%s\nwant\n%s", got.KeyLog(), want.KeyLog())
	}
}

// What is written is read again: the same conversation, with the same ends, between the same two.
func TestReadWritten(t *testing.T) {
	at := time.Now().Add(time.Minute)
	want := []*trace.Capture{
		exchange(t, "tcp4", "127.0.0.1:0", tls.VersionTLS13),
		exchange(t, "tcp4", "127.0.0.1:0", tls.VersionTLS12),
		exchange(t, "unix", filepath.Join(t.TempDir(), `a "name"`), tls.VersionTLS13),
		exchange(t, "tcp6", "[::1]:0", tls.VersionTLS13),
		{
			Client: "192.0.2.1:1", Server: "192.0.2.2:2", Chunks: []wire.Chunk{{At: at, From: wire.Server, Data: make([]byte, 200_000)}},
			Ended: [2]trace.End{{At: at.Add(time.Second), How: trace.Reset}},
		},
	}
	got := read(t, written(t, want...))
	if len(got) != len(want) {
		t.Fatalf("%d connections, want %d", len(got), len(want))
	}
	for i := range want {
		same(t, got[i], want[i])
	}
}

// Where several packets have the same time, or none, that which stands first in the file was sent first.
func TestReadSameTimes(t *testing.T) {
	for _, times := range [][3]time.Time{{}, {time.Unix(1e9, 0), time.Unix(1e9, 0), time.Unix(1e9, 0)}} {
		file := written(t, &trace.Capture{
			Client: "192.0.2.1:1", Server: "192.0.2.2:2",
			Chunks: []wire.Chunk{{At: times[0], Data: []byte("bye")}, {At: times[1], From: wire.Server, Data: []byte("bye")}},
			Ended:  [2]trace.End{{At: times[2], How: trace.FIN}, {At: times[2], How: trace.FIN}},
		})
		c := read(t, file)[0]
		order := []time.Time{c.Chunks[0].At, c.Chunks[1].At, c.Ended[wire.Client].At, c.Ended[wire.Server].At}
		for i := range order[1:] {
			if !order[i].Before(order[i+1]) {
				t.Errorf("%d: %v", i, order)
			}
		}
	}
}

// What was captured in another order keeps its time. A reset has its place as an end has.
func TestOrder(t *testing.T) {
	at := time.Unix(1e9, 0)
	var c talk
	for i, p := range []struct {
		side      int
		flags     byte
		data      string
		at, later time.Duration // and how much later it is taken to be
	}{
		{0, 0, "ten", 10, 0}, {1, 0, "five", 5, 0}, {1, ack, "", 10, 0}, {1, rst, "", 10, 1}, {0, fin, "", 10, 2}, {0, 0, "end", 11, 1}, {1, 0, "twelve", 20, 0},
	} {
		got := packet{at: at.Add(p.at), flags: p.flags, data: []byte(p.data)}
		c.order(p.side, &got)
		if want := at.Add(p.at + p.later); !got.at.Equal(want) {
			t.Errorf("packet %d: %v, not %v", i, got.at, want)
		}
	}
}

// What was not kept is still known not to have been, however the connection ended.
func TestReadLeft(t *testing.T) {
	at := time.Now()
	for _, how := range []trace.Ending{trace.Open, trace.FIN, trace.Reset} {
		want := &trace.Capture{
			Client: "192.0.2.1:1", Server: "192.0.2.2:2", Chunks: []wire.Chunk{{At: at, Data: []byte("one")}},
			Left: [2]int64{5, 70_000}, Ended: [2]trace.End{{At: at, How: how}, {At: at.Add(1), How: how}},
		}
		got, err := Read(bytes.NewReader(written(t, want)))
		if err == nil || !strings.Contains(err.Error(), "of what 192.0.2.1:1 sent to 192.0.2.2:2, 5 bytes are missing") {
			t.Error(err)
		}
		same(t, got[0], want)
	}
}

// Of very many sides that something is missing of, a few are told.
func TestReadMuchMissing(t *testing.T) {
	var all []*trace.Capture
	for n := range maxProblems + 1 {
		all = append(all, &trace.Capture{Client: fmt.Sprintf("192.0.2.1:%d", n+1), Server: "192.0.2.2:2", Chunks: []wire.Chunk{{Data: []byte("x")}}, Left: [2]int64{1, 1}})
	}
	captures, err := Read(bytes.NewReader(written(t, all...)))
	if err == nil || strings.Count(err.Error(), "missing") != maxProblems || len(captures) != len(all) {
		t.Errorf("%d connections: %v", len(captures), err)
	}
}

// pcapOf is a file of pcap, with packets on a link that begin with some bytes.
func pcapOf(order binary.AppendByteOrder, kind uint32, before []byte, packets []packet) (file []byte) {
	file = order.AppendUint32(file, 0xa1b23c4d)
	file = append(file, make([]byte, 16)...)
	file = order.AppendUint32(file, kind)
	for _, p := range packets {
		frame := append(slices.Clone(before), p.frame()...)
		file = order.AppendUint32(file, uint32(p.at.Unix()))
		file = order.AppendUint32(file, uint32(p.at.Nanosecond()))
		file = order.AppendUint32(file, uint32(len(frame)))
		file = order.AppendUint32(file, uint32(len(frame)))
		file = append(file, frame...)
	}
	return file
}

// The files of other programs are read: in either order of bytes, from every kind of link.
func TestReadLinks(t *testing.T) {
	want := exchange(t, "tcp4", "127.0.0.1:0", tls.VersionTLS13)
	packets := packetsOf([]*trace.Capture{want})
	address := make([]byte, 12)
	for name, test := range map[string]struct {
		kind   uint32
		before []byte
	}{
		"NULL":       {linkNull, []byte{2, 0, 0, 0}},
		"LOOP":       {linkLoop, []byte{0, 0, 0, 2}},
		"EN10MB":     {linkEthernet, append(address, 8, 0)},
		"VLAN":       {linkEthernet, append(address, 0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 8, 0)},
		"LINUX_SLL":  {linkCooked, append(make([]byte, 14), 8, 0)},
		"LINUX_SLL2": {linkCooked2, append([]byte{8, 0}, make([]byte, 18)...)},
		"RAW":        {linkRaw, nil},
	} {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			captures, err := Read(bytes.NewReader(pcapOf(order, test.kind, test.before, packets)), bytes.NewReader(want.KeyLog()))
			if err != nil || len(captures) != 1 {
				t.Errorf("%s, %v: %d connections, %v", name, order, len(captures), err)
				continue
			}
			same(t, captures[0], want)
		}
	}
	if captures, err := Read(bytes.NewReader(pcapOf(binary.LittleEndian, 200, nil, packets))); err == nil || len(captures) > 0 {
		t.Errorf("an unknown link: %d connections, %v", len(captures), err)
	}
}

// Packets that come twice, in another order, or over what there is already, change nothing.
func TestReadDisorder(t *testing.T) {
	want := exchange(t, "tcp4", "127.0.0.1:0", tls.VersionTLS13)
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		var packets []packet
		for _, p := range packetsOf([]*trace.Capture{want}) {
			packets = append(packets, disordered(r, p)...)
		}
		for i := 3; i < len(packets); i++ { // after the handshake of TCP
			j := max(3, i-r.IntN(8))
			packets[i], packets[j] = packets[j], packets[i]
		}
		captures := read(t, pcapOf(binary.LittleEndian, linkRaw, nil, packets))
		if len(captures) != 1 {
			t.Fatalf("%d: %d connections", seed, len(captures))
		}
		got, sent := said(captures[0]), said(want)
		for side := range sent {
			if !bytes.Equal(got[side], sent[side]) {
				t.Errorf("%d: what side %d said is not what it did", seed, side)
			}
		}
	}
}

func said(c *trace.Capture) (said [2][]byte) {
	for _, chunk := range c.Chunks {
		said[chunk.From] = append(said[chunk.From], chunk.Data...)
	}
	return said
}

// disordered cuts a packet in two that overlap, and sends some twice.
func disordered(r *rand.Rand, p packet) []packet {
	if len(p.data) < 4 {
		return []packet{p, p}
	}
	first, second := p, p
	first.data = p.data[:2+r.IntN(len(p.data)-2)]
	cut := r.IntN(len(first.data))
	second.seq, second.data = p.seq+uint32(cut), p.data[cut:]
	return []packet{first, second, first}[:2+r.IntN(2)]
}

// A packet that is missing is told, and so is what can be known without it.
func TestReadMissing(t *testing.T) {
	want := exchange(t, "tcp4", "127.0.0.1:0", tls.VersionTLS13)
	packets := packetsOf([]*trace.Capture{want})
	last := 0
	for i, p := range packets {
		if p.from.String() == want.Server && len(p.data) > 0 {
			last = i
		}
	}
	size := len(packets[last].data)
	captures, err := Read(bytes.NewReader(pcapOf(binary.LittleEndian, linkRaw, nil, slices.Delete(packets, last, last+1))))
	if err == nil || !strings.Contains(err.Error(), "are missing") {
		t.Error(err)
	}
	if got := captures[0]; got.Left[wire.Server] < int64(size) || got.Left[wire.Client] != 0 || len(said(got)[wire.Client]) != len(said(want)[wire.Client]) {
		t.Errorf("left %d, want %d", got.Left, size)
	}
}

// What stands after a packet that is missing is not counted with it, in whatever order it was seen.
func TestReadGap(t *testing.T) {
	from, to := netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("192.0.2.2:2")
	data := func(seq uint32, data string) packet {
		return packet{from: from, to: to, flags: ack, seq: seq, data: []byte(data)}
	}
	for want, packets := range map[string][]packet{
		"3 bytes are missing, and 4 bytes are of no use without those": {data(0, "ab"), data(5, "fg"), data(6, "gh"), data(8, "i")},
		"3 bytes are missing, and 2 bytes are of no use without those": {data(0, "ab"), data(6, "g"), data(4, "e"), data(4, "e")},
		"1 byte is missing, and 1 byte is of no use without those":     {data(0, "ab"), data(3, "d")},
	} {
		_, err := Read(bytes.NewReader(pcapOf(binary.LittleEndian, linkRaw, nil, packets)))
		if err == nil || err.Error() != "of what 192.0.2.1:1 sent to 192.0.2.2:2, "+want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// That packets are in fragments is said, as nothing is read of them.
func TestReadFragments(t *testing.T) {
	four := (&packet{from: netip.MustParseAddrPort("192.0.2.1:1"), to: netip.MustParseAddrPort("192.0.2.2:2"), flags: ack, data: []byte("a")}).frame()
	six := (&packet{from: netip.MustParseAddrPort("[2001:db8::1]:1"), to: netip.MustParseAddrPort("[2001:db8::2]:2"), flags: ack, data: []byte("a")}).frame()
	first, last, udp := slices.Clone(four), slices.Clone(four), slices.Clone(four)
	first[6], last[7], udp[6], udp[9] = 0x20, 9, 0x20, 17
	extended := slices.Concat(six[:40], []byte{protocolTCP, 0, 0, 1, 0, 0, 0, 0}, six[40:])
	extended[5], extended[6] = extended[5]+8, 44
	for name, test := range map[string]struct {
		ip   []byte
		want error
	}{
		"the first": {first, errFragments}, "the last": {last, errFragments}, "of IPv6": {extended, errFragments},
		"of UDP": {udp, nil}, "whole": {four, nil}, "whole in IPv6": {six, nil}, "short": {first[:19], nil}, "shorter": {extended[:47], nil},
	} {
		file := pcapOf(binary.LittleEndian, linkRaw, nil, nil)
		for _, n := range []int{0, 0, len(test.ip), len(test.ip)} {
			file = binary.LittleEndian.AppendUint32(file, uint32(n))
		}
		if _, err := Read(bytes.NewReader(append(file, test.ip...))); !errors.Is(err, test.want) || test.want == nil && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A packet of which only the beginning was captured is missed, though nobody acknowledges it, and the
// reason is told.
func TestReadSnapped(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		network := "tcp4"
		if addr[0] == '[' {
			network = "tcp6"
		}
		want := exchange(t, network, addr, tls.VersionTLS13)
		want.Ended = [2]trace.End{}
		packets := packetsOf([]*trace.Capture{want})
		at := slices.IndexFunc(packets, func(p packet) bool { return len(p.data) > 0 })
		file := pcapOf(binary.LittleEndian, linkRaw, nil, packets[:at+1])
		frame := len(packets[at].frame())
		const snapped = 9
		binary.LittleEndian.PutUint32(file[len(file)-frame-8:], uint32(frame-snapped))
		captures, err := Read(bytes.NewReader(file[:len(file)-snapped]))
		if err == nil || !strings.HasPrefix(err.Error(), "packets were cut short when they were captured (1 of them)") || len(captures) != 1 || captures[0].Left[wire.Client] != snapped {
			t.Errorf("%s: %v, %d connections", network, err, len(captures))
		}
	}
}

// A side that has sent a FIN still acknowledges, with the number after that. Nothing is missing then.
func TestReadAfterFIN(t *testing.T) {
	want := exchange(t, "tcp4", "127.0.0.1:0", tls.VersionTLS13)
	want.Ended = [2]trace.End{{At: time.Now(), How: trace.FIN}, {At: time.Now(), How: trace.FIN}}
	packets := packetsOf([]*trace.Capture{want})
	for _, p := range packets[len(packets)-2:] { // their FINs
		p.flags, p.seq = ack, p.seq+1
		packets = append(packets, p)
	}
	same(t, read(t, pcapOf(binary.LittleEndian, linkRaw, nil, packets))[0], &trace.Capture{
		Client: want.Client, Server: want.Server, Chunks: want.Chunks, Ended: want.Ended,
	})
}

// A capture that begins in the middle, or with the answer, still knows who is the client.
func TestReadBegun(t *testing.T) {
	want := exchange(t, "tcp4", "127.0.0.1:0", tls.VersionTLS13)
	packets := packetsOf([]*trace.Capture{want})
	for skip := range 4 {
		got := read(t, pcapOf(binary.LittleEndian, linkRaw, nil, packets[skip:]))[0]
		if again := read(t, written(t, got))[0]; got.Late != (skip > 1) || again.Late != got.Late {
			t.Errorf("without %d packets it is late: %v, and written again: %v", skip, got.Late, again.Late)
		}
		if got.Client != want.Client || got.Server != want.Server || got.Guessed {
			t.Errorf("without %d packets it is %s to %s, guessed: %v", skip, got.Client, got.Server, got.Guessed)
		}
		if a, b := said(got), said(want); !bytes.Equal(a[1], b[1]) {
			t.Errorf("without %d packets the server says something else", skip)
		}
		for side, end := range want.Ended {
			if now := got.Ended[side]; now.How != end.How || !now.At.Equal(end.At) && end.How != trace.Open {
				t.Errorf("without %d packets the %v ended as %+v, not %+v", skip, wire.Side(side), now, end)
			}
		}
	}
}

// Where neither the first packets nor a hello are there, nobody knows who is the client.
func TestReadGuessed(t *testing.T) {
	want := exchange(t, "tcp4", "127.0.0.1:0", tls.VersionTLS13)
	packets := packetsOf([]*trace.Capture{want})
	last := len(packets) - 1
	for len(packets[last].data) == 0 {
		last--
	}
	if got := read(t, pcapOf(binary.LittleEndian, linkRaw, nil, packets[last:])); !got[0].Guessed {
		t.Errorf("it is %s to %s", got[0].Client, got[0].Server)
	}
}

// The one that is then taken for the client has the higher port, whoever comes first.
func TestReadHigherPort(t *testing.T) {
	ends := [2]netip.AddrPort{real("192.0.2.1:40000"), real("192.0.2.2:443")}
	for from := range ends {
		packets := []packet{{from: ends[from], to: ends[1-from], flags: ack, data: []byte("x")}}
		got := read(t, pcapOf(binary.LittleEndian, linkRaw, nil, packets))[0]
		if !got.Guessed || got.Client != ends[0].String() || got.Chunks[0].From != wire.Side(from) {
			t.Errorf("%s to %s, from the %v", got.Client, got.Server, got.Chunks[0].From)
		}
	}
}

// What is missing is data, and nothing else: not a FIN that is known only since it is acknowledged,
// and not what the number of a reset would be the end of that the other side asked for.
func TestReadNothingMissing(t *testing.T) {
	client, server := real("192.0.2.1:1"), real("192.0.2.2:2")
	begin := []packet{{from: client, to: server, flags: syn}, {from: client, to: server, flags: ack, seq: 1, data: []byte("x")}}
	for name, last := range map[string]packet{
		"FIN acknowledged": {from: server, to: client, flags: ack, ack: 3},
		"reset":            {from: client, to: server, flags: rst, seq: 1000},
	} {
		if got := read(t, pcapOf(binary.LittleEndian, linkRaw, nil, append(begin[:2:2], last)))[0]; got.Left != [2]int64{} {
			t.Errorf("%s: left %d", name, got.Left)
		}
	}
}

// Chunks of which no time is known, and an end that was noted before the last of them, stay in order.
func TestReadTimes(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	want := &trace.Capture{Client: "192.0.2.1:1", Server: "192.0.2.2:2", Chunks: []wire.Chunk{
		{At: at, Data: []byte("one")}, {From: wire.Server, Data: []byte("two")}, {At: at, Data: []byte("three")},
	}, Ended: [2]trace.End{{At: at.Add(-time.Second), How: trace.FIN}}}
	got := read(t, written(t, want))[0]
	var order string
	for i, c := range got.Chunks {
		order += string(c.Data) + " "
		if !c.At.Equal(at.Add(time.Duration(i))) { // a nanosecond after what the other side said
			t.Errorf("%s: %v", c.Data, c.At)
		}
	}
	if order != "one two three " {
		t.Error(order)
	}
	if got := read(t, written(t, &trace.Capture{Chunks: want.Chunks[1:2]}))[0]; got.Chunks[0].At.Unix() != 0 {
		t.Error(got.Chunks[0].At)
	}
}

// Once something was left out, nothing that comes later is kept, though there is room for it.
func TestReadFull(t *testing.T) {
	c := &talk{talks: &talks{room: maxKept}}
	for _, n := range []int{trace.DefaultLimit - 10, 20, 5} {
		c.say(0, segment{c.halves[0].next, make([]byte, n)}, time.Time{})
	}
	if len(c.chunks) != 1 || c.left[0] != 25 {
		t.Errorf("%d chunks, left %d", len(c.chunks), c.left)
	}
}

// What is kept of many small packets takes no more memory than what is kept of large ones, whether they
// are in order or wait for one that is missing.
func TestReadSmall(t *testing.T) {
	const room = 1 << 20
	for name, gap := range map[string]int64{"in order": 0, "waiting": 1} {
		c := &talk{talks: &talks{room: room}}
		h := &c.halves[0]
		for i := range int64(room) {
			c.take(0, segment{i*(1+gap) + gap, []byte("x")}, time.Time{})
		}
		if n := len(c.chunks) + len(h.waiting); n == 0 || n > room/64 {
			t.Errorf("%s: %d pieces", name, n)
		}
	}
}

// Each piece takes its room once, whether or not it has had to wait.
func TestRoom(t *testing.T) {
	c := &talk{talks: &talks{room: 1 << 10}}
	for _, s := range []segment{{1, []byte("b")}, {0, []byte("a")}} {
		c.take(0, s, time.Time{})
	}
	if taken := 1<<10 - c.room; len(c.chunks) == 0 || taken != int64(len(c.chunks))*perPiece+2 {
		t.Errorf("%d pieces take %d bytes", len(c.chunks), taken)
	}
	ts := talks{room: 1 + perPiece}
	if ts.fits(2) || !ts.fits(1) || ts.room != 0 {
		t.Errorf("there is room for %d bytes", ts.room)
	}
}

// A packet ends where its header says, whatever fills up the frame, and a fragment is none.
func TestParse(t *testing.T) {
	for _, addr := range []string{"192.0.2.1:1", "[2001:db8::1]:1"} {
		p := packet{from: real(addr), to: real(addr), flags: ack, data: []byte("x")}
		if got, ok := parse(append(p.frame(), 0, 0, 0)); !ok || string(got.data) != "x" {
			t.Errorf("%s: %q, %v", addr, got.data, ok)
		}
	}
	p := packet{from: real("192.0.2.1:1"), to: real("192.0.2.2:2"), flags: ack, data: []byte("x")}
	for _, fragment := range []uint16{0x2000, 1} {
		frame := p.frame()
		binary.BigEndian.PutUint16(frame[6:], fragment)
		if _, ok := parse(frame); ok {
			t.Errorf("a fragment (%x) is read", fragment)
		}
	}
}

// Of several interfaces each has its kind of link and its time, in packets of the oldest format, too.
func TestReadInterfaces(t *testing.T) {
	p := packet{from: real("192.0.2.1:1"), to: real("192.0.2.2:2"), flags: ack, data: []byte("x")}
	raw := appendOption([]byte{linkRaw, 0, 0, 0, 0, 0, 0, 0}, optionTick, []byte{nanoseconds})
	raw = appendOption(raw, optionOffset, order.AppendUint64(nil, 1_700_000_000))
	old := append([]byte{1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0}, make([]byte, 8)...)
	order.PutUint32(old[12:], uint32(len(p.frame())))
	file := appendBlock(nil, blockSection, section())
	file = appendBlock(file, blockInterface, []byte{200, 0, 0, 0, 0, 0, 0, 0})
	file = appendBlock(file, blockInterface, raw)
	file = appendBlock(file, blockOldPacket, append(old, p.frame()...))
	if got := read(t, file); len(got) != 1 || !got[0].Chunks[0].At.Equal(time.Unix(1_700_000_000, 7)) {
		t.Errorf("%d connections: %+v", len(got), got)
	}
}

// The same addresses may be those of two connections, one after the other.
func TestReadAgain(t *testing.T) {
	var packets []packet
	for n := range uint32(2) {
		c := &trace.Capture{Client: "192.0.2.1:1", Server: "192.0.2.2:2", Chunks: []wire.Chunk{{Data: []byte{byte('a' + n)}}}}
		f := flow{seq: [2]uint32{n * 1000, n * 2000}}
		f.ends, _ = make(addresses).of(c, 0)
		packets = append(packets, f.of(c)...)
	}
	captures := read(t, pcapOf(binary.LittleEndian, linkRaw, nil, packets))
	if len(captures) != 2 || string(said(captures[1])[0]) != "b" {
		t.Errorf("%d connections", len(captures))
	}
}

// What other programs make of our file is read, too: without nanoseconds, or in the older format.
func TestReadConverted(t *testing.T) {
	want := exchange(t, "tcp4", "127.0.0.1:0", tls.VersionTLS13)
	for _, format := range []string{"pcap", "nsecpcap", "pcapng"} {
		name := filepath.Join(t.TempDir(), format)
		run(t, "editcap", "-F", format, write(t, want), name)
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		captures, err := Read(bytes.NewReader(data), bytes.NewReader(want.KeyLog()))
		if err != nil || len(captures) != 1 {
			t.Errorf("%s: %d connections, %v", format, len(captures), err)
			continue
		}
		if format != "pcap" {
			same(t, captures[0], want)
		}
	}
}

// A key log that has grown for weeks has the secrets of a connection anywhere, before and after those of
// many others. Where not all of it is read, that is said.
func TestReadLongKeyLog(t *testing.T) {
	want := exchange(t, "tcp4", "127.0.0.1:0", tls.VersionTLS13)
	var without bytes.Buffer
	if err := Write(&without, &trace.Capture{Client: want.Client, Server: want.Server, Chunks: want.Chunks, Ended: want.Ended}); err != nil {
		t.Fatal(err)
	}
	others := new(bytes.Buffer) // more connections than are kept, and more bytes than of a block
	for i := 0; others.Len() <= maxBlock; i++ {
		fmt.Fprintf(others, "CLIENT_RANDOM %064x %096x\n", i, i)
	}
	long := bytes.Repeat([]byte("# nothing\n"), maxKeyLog/10)
	for name, test := range map[string]struct {
		log  [][]byte
		cut  bool
		open bool
	}{
		"first":          {[][]byte{want.KeyLog(), others.Bytes()}, false, true},
		"between":        {[][]byte{others.Bytes(), want.KeyLog(), others.Bytes()}, false, true},
		"last":           {[][]byte{others.Bytes(), want.KeyLog()}, false, true},
		"after too much": {[][]byte{long, want.KeyLog()}, true, true},
		"too far before": {[][]byte{want.KeyLog(), long}, true, false},
	} {
		captures, err := Read(bytes.NewReader(without.Bytes()), bytes.NewReader(bytes.Join(test.log, nil)))
		if cut := errors.Is(err, errLongLog); cut != test.cut || !cut && err != nil || len(captures) != 1 {
			t.Errorf("%s: %d connections, %v", name, len(captures), err)
			continue
		}
		if open := bytes.Equal(captures[0].KeyLog(), want.KeyLog()); open != test.open {
			t.Errorf("%s: the secrets were found: %v", name, open)
		}
		if test.cut {
			continue // no block is that long
		}
		inside := appendBlock(nil, blockSection, section())
		for _, log := range test.log {
			for lines := range slices.Chunk(log, 173<<10) { // of whole lines, most often
				inside = appendBlock(inside, blockSecrets, secrets(lines))
			}
		}
		captures = read(t, append(inside, without.Bytes()...))
		if len(captures) != 1 || !bytes.Equal(captures[0].KeyLog(), want.KeyLog()) {
			t.Errorf("%s, inside the file: %d connections, and the secrets are not found", name, len(captures))
		}
	}
}

// Packets that are not read, or not as they are, are told.
func TestReadDamagedPackets(t *testing.T) {
	whole := written(t, exchange(t, "tcp4", "127.0.0.1:0", tls.VersionTLS13))
	at := bytes.LastIndex(whole, binary.LittleEndian.AppendUint32(nil, blockPacket)) // its interface is 8 bytes on
	for want, change := range map[string]struct {
		at    int
		value uint32
	}{
		"packets on an interface that the file does not describe are not read (1 of them)":       {8, 7},
		"packets are said to be longer than the blocks which they are in (1 of them): the file ": {20, 9999},
	} {
		file := slices.Clone(whole)
		binary.LittleEndian.PutUint32(file[at+change.at:], change.value)
		if captures, err := Read(bytes.NewReader(file)); err == nil || !strings.Contains(err.Error(), want) || len(captures) != 1 {
			t.Errorf("%d connections, %v, want %s", len(captures), err, want)
		}
	}
}

// What is no capture file, or only the beginning of one, is said in words.
func TestReadOdd(t *testing.T) {
	whole := written(t, exchange(t, "tcp4", "127.0.0.1:0", tls.VersionTLS13))
	for want, file := range map[string][]byte{
		errFormat.Error(): []byte("-----BEGIN CERTIFICATE-----"),
		errCut.Error():    whole[:len(whole)-10],

		"it is compressed: gunzip it first": []byte("\x1f\x8b\x08\x00\x00"),
		"it is compressed: unzstd it first": []byte("\x28\xb5\x2f\xfd\x00"),

		errDamaged.Error(): append(slices.Clone(whole), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
	} {
		captures, err := Read(bytes.NewReader(file))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		if len(file) > 100 && len(captures) != 1 {
			t.Errorf("%s: %d connections", want, len(captures))
		}
	}
	endless := append(pcapOf(binary.LittleEndian, linkRaw, nil, nil), make([]byte, 16)...)
	binary.LittleEndian.PutUint32(endless[24+8:], maxBlock+1)
	if _, err := Read(bytes.NewReader(endless)); !errors.Is(err, errDamaged) {
		t.Errorf("a packet that is too large: %v", err)
	}
	for _, empty := range [][]byte{nil, {1}} {
		if _, err := Read(bytes.NewReader(empty)); err == nil {
			t.Error("nothing is a file")
		}
	}
	if _, err := Read(noProgress{}); !errors.Is(err, io.ErrNoProgress) {
		t.Error(err)
	}
}

type noProgress struct{}

func (noProgress) Read([]byte) (int, error) { return 0, io.ErrNoProgress }

// hostile are files of a size that are as much work as can be.
func hostile(size int) map[string][]byte {
	many := func(next func(n uint32) packet) []byte {
		var packets []packet
		for n := range uint32(size/57 + 1) {
			packets = append(packets, next(n))
		}
		return pcapOf(binary.LittleEndian, linkRaw, nil, packets)[:size]
	}
	head := appendBlock(nil, blockSection, section())
	one := packet{from: real("192.0.2.1:1"), to: real("192.0.2.2:2"), flags: ack, data: []byte{1}}
	return map[string][]byte{
		"bytes":    many(func(n uint32) packet { p := one; p.seq = n; return p }),
		"backward": many(func(n uint32) packet { p := one; p.seq = 1<<20 - n; return p }),
		"apart":    many(func(n uint32) packet { p := one; p.seq = 2 * n; return p }),
		"many": many(func(n uint32) packet {
			p := one
			p.to = real("192.0.2.2:2")
			p.from = madeUp(int(n))[0]
			return p
		}),
		"interfaces": append(slices.Clone(head), bytes.Repeat(appendBlock(nil, blockInterface, make([]byte, 8)), size/20)...),
		"secrets":    append(slices.Clone(head), bytes.Repeat(appendBlock(nil, blockSecrets, secrets([]byte("CLIENT_RANDOM "+strings.Repeat("00", 32)+" 00\n"))), size/110)...),
		"zeros":      append([]byte{0xa1, 0xb2, 0xc3, 0xd4}, make([]byte, size)...),
	}
}

// Any file of 16 MiB is read within a second and 64 MiB.
func TestReadBounds(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	size := 16 << 20
	if info, _ := debug.ReadBuildInfo(); slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		size = 1 << 20 // it makes everything slow, and nothing is concurrent here
	}
	for name, file := range hostile(size) {
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begin := time.Now()
		captures, _ := Read(bytes.NewReader(file))
		took := time.Since(begin)
		runtime.GC()
		runtime.ReadMemStats(&after)
		kept := int64(after.HeapAlloc) - int64(before.HeapAlloc)
		t.Logf("%s: %d connections, %v, %d MiB are kept", name, len(captures), took, kept>>20)
		if took > time.Second || kept > 64<<20 {
			t.Errorf("%s: %v, %d MiB are kept", name, took, kept>>20)
		}
		runtime.KeepAlive(captures)
	}
}

// No file makes Read fail in an odd way, and what it returns can be written and read again.
func FuzzRead(f *testing.F) {
	c := exchange(f, "tcp4", "127.0.0.1:0", tls.VersionTLS13)
	f.Add(written(f, c))
	f.Add(pcapOf(binary.BigEndian, linkEthernet, append(make([]byte, 12), 8, 0), packetsOf([]*trace.Capture{c})))
	f.Fuzz(func(t *testing.T, file []byte) {
		captures, _ := Read(bytes.NewReader(file))
		again, _ := Read(bytes.NewReader(written(t, captures...)))
		if len(again) != len(captures) {
			t.Errorf("%d connections, and %d when they are written and read again", len(captures), len(again))
		}
	})
}
