package pcapng

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// packet is a packet of TCP.
type packet struct {
	at       time.Time
	from, to netip.AddrPort
	flags    byte
	seq, ack uint32
	data     []byte
	lost     int // how many bytes after data the file does not have
	comment  string
}

// The flags of TCP: RFC 9293 section 3.1.
const fin, syn, rst, psh, ack = 1, 2, 4, 8, 16

// protocolTCP is the number of TCP in the header of IP.
const protocolTCP = 6

// frame is the packet as it is on the network, from the header of IP on.
func (p *packet) frame() []byte {
	segment := p.segment()
	sum := uint32(protocolTCP) + uint32(len(segment)) // of the pseudo header: RFC 9293 section 3.1
	sum = add(sum, p.from.Addr().AsSlice())
	sum = add(sum, p.to.Addr().AsSlice())
	binary.BigEndian.PutUint16(segment[16:], checksum(add(sum, segment)))
	if p.from.Addr().Is4() {
		return append(p.header4(len(segment)), segment...)
	}
	return append(p.header6(len(segment)), segment...)
}

// header4 is the header of RFC 791 section 3.1.
func (p *packet) header4(size int) []byte {
	header := []byte{4<<4 | 5, 0}
	header = binary.BigEndian.AppendUint16(header, uint16(20+size))
	header = append(header, 0, 0, 0x40, 0, 64, protocolTCP, 0, 0) // in one piece, 64 hops
	header = append(header, p.from.Addr().AsSlice()...)
	header = append(header, p.to.Addr().AsSlice()...)
	binary.BigEndian.PutUint16(header[10:], checksum(add(0, header)))
	return header
}

// header6 is the header of RFC 8200 section 3.
func (p *packet) header6(size int) []byte {
	header := []byte{6 << 4, 0, 0, 0}
	header = binary.BigEndian.AppendUint16(header, uint16(size))
	header = append(header, protocolTCP, 64)
	header = append(header, p.from.Addr().AsSlice()...)
	return append(header, p.to.Addr().AsSlice()...)
}

// scaling is an option of SYN that has the window count 16 KiB: RFC 7323 section 2. Wireshark
// remarks on senders that do not wait for an answer if the window is small.
var scaling = []byte{1, 3, 3, 14}

// segment is the packet from the header of TCP on, without a checksum.
func (p *packet) segment() []byte {
	var options []byte
	if p.flags&syn != 0 {
		options = scaling
	}
	ackNumber := p.ack
	if p.flags&ack == 0 {
		ackNumber = 0
	}
	s := binary.BigEndian.AppendUint16(nil, p.from.Port())
	s = binary.BigEndian.AppendUint16(s, p.to.Port())
	s = binary.BigEndian.AppendUint32(s, p.seq)
	s = binary.BigEndian.AppendUint32(s, ackNumber)
	s = append(s, byte(5+len(options)/4)<<4, p.flags, 0xff, 0xff, 0, 0, 0, 0)
	return append(append(s, options...), p.data...)
}

// add adds bytes to a sum of RFC 1071.
func add(sum uint32, data []byte) uint32 {
	for ; len(data) > 1; data = data[2:] {
		sum += uint32(binary.BigEndian.Uint16(data))
	}
	if len(data) == 1 {
		sum += uint32(data[0]) << 8
	}
	return sum
}

// checksum is the checksum of what has been added up.
func checksum(sum uint32) uint16 {
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
