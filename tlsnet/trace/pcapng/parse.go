package pcapng

import (
	"encoding/binary"
	"net/netip"
)

// Kinds of links: https://www.tcpdump.org/linktypes.html. There are several numbers for packets
// that begin with IP.
const (
	linkNull     = 0
	linkEthernet = 1
	linkLoop     = 108
	linkCooked   = 113 // LINUX_SLL
	linkCooked2  = 276
)

// The numbers of protocols above Ethernet.
const (
	etherIPv4 = 0x0800
	etherIPv6 = 0x86dd
	etherVLAN = 0x8100
	etherQinQ = 0x88a8
)

// network returns what is in a packet from the header of IP on, or nothing if that is not in it.
// It reports whether the kind of link is known.
func network(kind uint32, data []byte) (ip []byte, known bool) {
	switch kind {
	case linkNull, linkLoop: // a number for IP that each system has chosen for itself
		return from(data, 4), true
	case linkRaw, 12, 14, 228, 229:
		return data, true
	case linkEthernet:
		return ethernet(data, 12), true
	case linkCooked:
		return ethernet(data, 14), true
	case linkCooked2:
		if len(data) < 20 || !isIP(binary.BigEndian.Uint16(data)) {
			return nil, true
		}
		return data[20:], true
	}
	return nil, false
}

func from(data []byte, begin int) []byte { return data[min(begin, len(data)):] }

func isIP(kind uint16) bool { return kind == etherIPv4 || kind == etherIPv6 }

// ethernet skips a header in which the protocol is at a place, and the tags of virtual networks.
func ethernet(data []byte, at int) []byte {
	for ; len(data) >= at+2; at += 4 {
		switch kind := binary.BigEndian.Uint16(data[at:]); {
		case isIP(kind):
			return data[at+2:]
		case kind != etherVLAN && kind != etherQinQ:
			return nil
		}
	}
	return nil
}

// parse reads a packet of IP that carries TCP. Of fragments nothing is read.
func parse(ip []byte) (p packet, ok bool) {
	if len(ip) == 0 {
		return p, false
	}
	var source, target netip.Addr
	var segment []byte
	switch ip[0] >> 4 {
	case 4:
		source, target, segment = parse4(ip)
	case 6:
		source, target, segment = parse6(ip)
	}
	if len(segment) < 20 {
		return p, false
	}
	offset := int(segment[12]>>4) * 4
	if offset < 20 || offset > len(segment) {
		return p, false
	}
	p.from = netip.AddrPortFrom(source, binary.BigEndian.Uint16(segment))
	p.to = netip.AddrPortFrom(target, binary.BigEndian.Uint16(segment[2:]))
	p.seq = binary.BigEndian.Uint32(segment[4:])
	p.ack = binary.BigEndian.Uint32(segment[8:])
	p.flags, p.data, p.lost = segment[13], segment[offset:], lost(ip)
	return p, true
}

// lost is how many bytes of a packet were not captured.
func lost(ip []byte) int {
	if ip[0]>>4 == 4 {
		return max(0, int(binary.BigEndian.Uint16(ip[2:]))-len(ip))
	}
	return max(0, 40+int(binary.BigEndian.Uint16(ip[4:]))-len(ip))
}

// isFragment reports whether a packet of IP is a part of one that may carry TCP.
func isFragment(ip []byte) bool {
	switch {
	case len(ip) >= 20 && ip[0]>>4 == 4:
		return ip[9] == protocolTCP && binary.BigEndian.Uint16(ip[6:])&(moreFragments|fragmentOffset) != 0
	case len(ip) >= 48 && ip[0]>>4 == 6:
		return ip[6] == fragment && ip[40] == protocolTCP
	}
	return false
}

// What tells a fragment in the header of IPv4, and the header of one in IPv6.
const moreFragments, fragmentOffset, fragment = 0x2000, 0x1fff, 44

// parse4: RFC 791 section 3.1. A length of 0 is that of a packet which the network card was to
// divide: all that there is.
func parse4(ip []byte) (source, target netip.Addr, segment []byte) {
	if len(ip) < 20 {
		return source, target, nil
	}
	header, size := int(ip[0]&15)*4, int(binary.BigEndian.Uint16(ip[2:]))
	if size == 0 || size > len(ip) {
		size = len(ip)
	}
	if header < 20 || header > size || ip[9] != protocolTCP || isFragment(ip) {
		return source, target, nil
	}
	return netip.AddrFrom4([4]byte(ip[12:])), netip.AddrFrom4([4]byte(ip[16:])), ip[header:size]
}

// parse6: RFC 8200 sections 3 and 4.
func parse6(ip []byte) (source, target netip.Addr, segment []byte) {
	if len(ip) < 40 {
		return source, target, nil
	}
	size := int(binary.BigEndian.Uint16(ip[4:]))
	rest := ip[40:]
	if size > 0 && size < len(rest) {
		rest = rest[:size]
	}
	next := ip[6]
	for next == hopByHop || next == routing || next == destination {
		if len(rest) < 8 {
			return source, target, nil
		}
		next, rest = rest[0], from(rest, 8+8*int(rest[1]))
	}
	if next != protocolTCP {
		return source, target, nil
	}
	return netip.AddrFrom16([16]byte(ip[8:])), netip.AddrFrom16([16]byte(ip[24:])), rest
}

// Headers of IPv6 that may come before that of TCP: RFC 8200 section 4.
const hopByHop, routing, destination = 0, 43, 60
