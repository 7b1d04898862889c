package trace

import (
	"encoding/binary"
	"time"

	"tlsdemo/tlsnet/wire"
)

// capture is a file that Wireshark opens: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html.
// Its packets are made up around the bytes of connections, since a capture of real ones takes
// privileges.
type capture struct {
	data []byte
	now  time.Time
}

// Types of blocks, and what is in them.
const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockPacket    = 6  // enhanced
	blockSecrets   = 10 // decryption secrets
	linkRaw        = 101
	secretsTLS     = 0x544c534b
)

func newCapture(keyLog []byte) *capture {
	c := new(capture)
	section := binary.LittleEndian.AppendUint32(nil, 0x1a2b3c4d) // the order of bytes
	section = append(section, 1, 0, 0, 0)                        // version 1.0
	section = binary.LittleEndian.AppendUint64(section, 1<<64-1) // of unknown length
	c.block(blockSection, section)
	c.block(blockInterface, []byte{linkRaw, 0, 0, 0, 0, 0, 0, 0})
	secrets := binary.LittleEndian.AppendUint32(nil, secretsTLS)
	secrets = binary.LittleEndian.AppendUint32(secrets, uint32(len(keyLog)))
	c.block(blockSecrets, append(secrets, keyLog...))
	return c
}

// block adds a block, filled up to four bytes.
func (c *capture) block(kind uint32, body []byte) {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	size := uint32(len(body) + 12)
	c.data = binary.LittleEndian.AppendUint32(c.data, kind)
	c.data = binary.LittleEndian.AppendUint32(c.data, size)
	c.data = append(c.data, body...)
	c.data = binary.LittleEndian.AppendUint32(c.data, size)
}

// Flags of TCP.
const fin, syn, push, ack = 1, 2, 8, 16

// conn is a connection of which packets are made up.
type conn struct {
	*capture
	port uint16 // the client's
	seq  [2]uint32
}

const serverPort = 443

// add adds a connection.
func (c *capture) add(port uint16, chunks []wire.Chunk) {
	t := &conn{capture: c, port: port}
	t.packet(wire.Client, syn, nil)
	t.packet(wire.Server, syn|ack, nil)
	t.packet(wire.Client, ack, nil)
	for _, chunk := range chunks {
		c.now = chunk.At
		for data := chunk.Data; len(data) > 0; {
			n := min(len(data), 60_000)
			t.packet(chunk.From, push|ack, data[:n])
			data = data[n:]
		}
	}
	t.packet(wire.Client, fin|ack, nil)
	t.packet(wire.Server, fin|ack, nil)
	t.packet(wire.Client, ack, nil)
}

// packet adds a packet of IPv4 and TCP, with the checksums left out.
func (t *conn) packet(from wire.Side, flags byte, data []byte) {
	ports := [2]uint16{t.port, serverPort}
	hosts := [2][]byte{{127, 0, 0, 1}, {127, 0, 0, 2}}
	ip := []byte{0x45, 0}
	ip = binary.BigEndian.AppendUint16(ip, uint16(40+len(data)))
	ip = append(ip, 0, 0, 0x40, 0, 64, 6, 0, 0)
	ip = append(append(ip, hosts[from]...), hosts[from.Other()]...)
	ip = binary.BigEndian.AppendUint16(ip, ports[from])
	ip = binary.BigEndian.AppendUint16(ip, ports[from.Other()])
	ip = binary.BigEndian.AppendUint32(ip, t.seq[from])
	ip = binary.BigEndian.AppendUint32(ip, t.seq[from.Other()])
	ip = append(ip, 5<<4, flags, 0xff, 0xff, 0, 0, 0, 0)
	ip = append(ip, data...)
	t.seq[from] += uint32(len(data))
	if flags&(syn|fin) != 0 {
		t.seq[from]++
	}
	micros := uint64(t.now.UnixMicro())
	body := make([]byte, 4, 20+len(ip))
	body = binary.LittleEndian.AppendUint32(body, uint32(micros>>32))
	body = binary.LittleEndian.AppendUint32(body, uint32(micros))
	body = binary.LittleEndian.AppendUint32(body, uint32(len(ip)))
	body = binary.LittleEndian.AppendUint32(body, uint32(len(ip)))
	t.block(blockPacket, append(body, ip...))
}
