package pcapng

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"time"

	"tlsdemo/tlsnet/trace"
	"tlsdemo/tlsnet/wire"
)

// Read reads the connections of TCP that say anything in a capture file: pcapng, or pcap as older
// programs write it. Secrets are taken from the file and from key logs beside it, and may also
// come last. What was captured twice or in another order is put right.
//
// If something is wrong with the file, such as packets that are missing, there is an error and
// what can be read all the same. At most 64 MiB and 16,384 connections are kept, where each packet
// counts 64 bytes more than it carries, and of each connection trace.DefaultLimit. Of each key log
// the last 64 MiB are read, and so of all those in the file together; secrets are kept of 4,096
// connections, the first of the file before all others.
func Read(r io.Reader, keylogs ...io.ReadSeeker) ([]*trace.Capture, error) {
	f := &file{in: bufio.NewReaderSize(r, 1<<16), links: make(map[uint32]bool)}
	f.talks = talks{open: make(map[pair]*talk), secrets: &f.secrets, room: maxKept}
	err := f.read()
	captures, problems := f.talks.captures()
	cut, failed := f.keyLogs(keylogs, captures)
	if failed != nil {
		return nil, failed
	}
	if cut {
		problems = append(problems, errLongLog)
	}
	if f.short > 0 {
		problems = append([]error{fmt.Errorf("packets were cut short when they were captured (%d of them): capture them whole, with tcpdump -s 0 or dumpcap without -s", f.short)}, problems...)
	}
	problems = append(problems, f.damages()...)
	if f.fragments {
		problems = append(problems, errFragments)
	}
	for link := range f.links {
		problems = append(problems, fmt.Errorf("there are packets of link type %d, which is not known here", link))
	}
	return captures, errors.Join(append([]error{err}, problems...)...)
}

// The largest block that is read, and how much is kept of all connections.
const maxBlock, maxKept = 16 << 20, 64 << 20

var (
	errFormat  = errors.New("it is neither a pcapng nor a pcap file")
	errDamaged = errors.New("it is damaged: what comes after that cannot be read")
	errCut     = errors.New("it ends in the middle of a packet")

	errFragments = errors.New("there are packets of TCP in fragments, which are not put together here")
)

// file is a file that is being read.
type file struct {
	in         *bufio.Reader
	order      binary.ByteOrder
	buffer     []byte
	interfaces []link // of pcapng
	links      map[uint32]bool
	fragments  bool
	secrets    wire.Secrets
	inside     []byte // the lines of key logs that are in it
	insideCut  bool   // there were more
	talks      talks
	short      int // packets of which the end was not captured
	homeless   int // packets on an interface that is not described, so that nobody knows how they begin
	overlong   int // packets that are longer than the block that they are in
}

// damages are what is wrong with single packets.
func (f *file) damages() (problems []error) {
	if f.homeless > 0 {
		problems = append(problems, fmt.Errorf("packets on an interface that the file does not describe are not read (%d of them)", f.homeless))
	}
	if f.overlong > 0 {
		problems = append(problems, fmt.Errorf("packets are said to be longer than the blocks which they are in (%d of them): the file is damaged", f.overlong))
	}
	return problems
}

// compressed are the beginnings of files that have to be decompressed first, and what does that.
var compressed = map[string]string{
	"\x1f\x8b": "gunzip", "\x28\xb5\x2f\xfd": "unzstd", "\x04\x22\x4d\x18": "unlz4", "\xfd7zX": "unxz", "BZh": "bunzip2",
}

// link is where packets were seen: how they begin, and the unit and the beginning of time.
type link struct {
	kind   uint32
	tick   byte
	offset int64 // in seconds
}

func (f *file) read() error {
	magic, err := f.in.Peek(4)
	if err == io.EOF {
		return errFormat
	}
	if err != nil {
		return err
	}
	if binary.BigEndian.Uint32(magic) == blockSection {
		return f.pcapng()
	}
	for _, f.order = range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		switch f.order.Uint32(magic) {
		case 0xa1b2c3d4:
			return f.pcap(microseconds)
		case 0xa1b23c4d:
			return f.pcap(nanoseconds)
		}
	}
	for begin, by := range compressed {
		if bytes.HasPrefix(magic, []byte(begin)) {
			return fmt.Errorf("it is compressed: %s it first", by)
		}
	}
	return errFormat
}

// pcap reads the format of https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-05.html.
func (f *file) pcap(tick byte) error {
	header, err := f.take(24)
	if err != nil {
		return err
	}
	from := link{kind: f.order.Uint32(header[20:]) & 0xffff, tick: tick}
	for {
		record, err := f.take(16)
		if err != nil {
			return ended(err)
		}
		at := time.Unix(int64(f.order.Uint32(record)), fraction(uint64(f.order.Uint32(record[4:])), tick))
		data, err := f.take(f.order.Uint32(record[8:]))
		if err != nil {
			return err
		}
		f.packet(from, at, data, "")
	}
}

// ended is the error of a file that ends before a packet, which is none, or in it.
func ended(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// take returns the next bytes, until the next call. io.EOF means that there are none.
func (f *file) take(size uint32) ([]byte, error) {
	if size > maxBlock {
		return nil, errDamaged
	}
	if int(size) > len(f.buffer) {
		f.buffer = make([]byte, max(size, 1<<12))
	}
	_, err := io.ReadFull(f.in, f.buffer[:size])
	if err == io.ErrUnexpectedEOF {
		err = errCut
	}
	return f.buffer[:size], err
}

func (f *file) pcapng() error {
	for {
		head, err := f.take(8)
		if err != nil {
			return ended(err)
		}
		kind := binary.BigEndian.Uint32(head)
		if kind == blockSection { // it is the same in either order
			if err := f.section(); err != nil {
				return err
			}
		}
		kind = f.order.Uint32(head)
		size := f.order.Uint32(head[4:])
		if size < blockOverhead || size%4 != 0 {
			return errDamaged
		}
		body, err := f.take(size - 8)
		if err == io.EOF {
			err = errCut
		}
		if err != nil {
			return err
		}
		f.block(kind, body[:size-blockOverhead])
	}
}

// section begins a section: with an order of bytes and interfaces of its own.
func (f *file) section() error {
	magic, err := f.in.Peek(4)
	if err != nil {
		return errCut
	}
	f.interfaces = nil
	for _, f.order = range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		if f.order.Uint32(magic) == orderMagic {
			return nil
		}
	}
	return errDamaged
}

// block reads a block. One that is not known, or too short, is passed over.
func (f *file) block(kind uint32, body []byte) {
	switch {
	case kind == blockInterface && len(body) >= 8:
		f.interfaces = append(f.interfaces, f.network(body))
	case kind == blockPacket && len(body) >= 20:
		ticks := uint64(f.order.Uint32(body[4:]))<<32 | uint64(f.order.Uint32(body[8:]))
		data, rest := f.cutCaptured(body)
		f.seen(f.order.Uint32(body), ticks, data, f.comment(rest))
	case kind == blockOldPacket && len(body) >= 20:
		ticks := uint64(f.order.Uint32(body[4:]))<<32 | uint64(f.order.Uint32(body[8:]))
		data, _ := f.cutCaptured(body)
		f.seen(uint32(f.order.Uint16(body)), ticks, data, "")
	case kind == blockSimple && len(body) >= 4:
		data, _ := cutPacket(body[4:], f.order.Uint32(body))
		f.seen(0, 0, data, "")
	case kind == blockSecrets && len(body) >= 8 && f.order.Uint32(body) == secretsTLS:
		lines, _ := cutPacket(body[8:], f.order.Uint32(body[4:]))
		f.keepInside(lines)
	}
}

// cutCaptured parts a packet that says how much of it was captured from the options after it.
func (f *file) cutCaptured(body []byte) (data, options []byte) {
	size := f.order.Uint32(body[12:])
	if int64(size) > int64(len(body)-20) {
		f.overlong++
	}
	return cutPacket(body[20:], size)
}

// cutPacket parts what has a length from the options after it.
func cutPacket(body []byte, size uint32) (data, options []byte) {
	n := int(min(uint64(size), uint64(len(body))))
	return body[:n], body[min(len(body), (n+3)/4*4):]
}

// network reads about an interface.
func (f *file) network(body []byte) link {
	l := link{kind: uint32(f.order.Uint16(body)), tick: microseconds}
	f.options(body[8:], func(code uint16, value []byte) {
		switch {
		case code == optionTick && len(value) >= 1:
			l.tick = value[0]
		case code == optionOffset && len(value) >= 8:
			l.offset = int64(f.order.Uint64(value))
		}
	})
	return l
}

// comment is the comment among options, or empty.
func (f *file) comment(options []byte) (comment string) {
	f.options(options, func(code uint16, value []byte) {
		if code == optionComment {
			comment = string(value)
		}
	})
	return comment
}

func (f *file) options(body []byte, call func(code uint16, value []byte)) {
	for len(body) >= 4 {
		code, size := f.order.Uint16(body), uint32(f.order.Uint16(body[2:]))
		var value []byte
		if value, body = cutPacket(body[4:], size); code == optionEnd {
			return
		}
		call(code, value)
	}
}

// seen takes a packet of pcapng.
func (f *file) seen(on uint32, ticks uint64, data []byte, comment string) {
	if uint64(on) >= uint64(len(f.interfaces)) {
		f.homeless++
		return
	}
	from := f.interfaces[on]
	at := time.Unix(from.offset, 0)
	if unit := from.unit(); unit > 0 {
		at = time.Unix(from.offset+int64(ticks/unit), fraction(ticks%unit, from.tick))
	}
	f.packet(from, at, data, comment)
}

// unit is how many ticks a second has, or 0 if there are too many to be counted.
func (l link) unit() uint64 {
	n := l.tick & 0x7f
	switch {
	case l.tick&binaryTick != 0 && n < 64:
		return 1 << n
	case l.tick&binaryTick != 0 || n > 19:
		return 0
	}
	unit := uint64(1)
	for range n {
		unit *= 10
	}
	return unit
}

// fraction is what part of a second ticks are, in nanoseconds.
func fraction(ticks uint64, tick byte) int64 {
	high, low := bits.Mul64(ticks, 1e9)
	unit := link{tick: tick}.unit()
	if high >= unit {
		return 0 // it is no part of a second
	}
	nanos, _ := bits.Div64(high, low, unit)
	return int64(nanos)
}

// packet takes a packet that was seen on a link.
func (f *file) packet(from link, at time.Time, data []byte, comment string) {
	ip, known := network(from.kind, data)
	if !known && len(f.links) < 4 {
		f.links[from.kind] = true
	}
	if p, ok := parse(ip); ok {
		if p.lost > 0 {
			f.short++
		}
		p.at, p.comment = at, comment
		f.talks.add(&p)
	} else if isFragment(ip) {
		f.fragments = true
	}
}
