package pcapng

import (
	"bufio"
	"io"
	"slices"
	"time"

	"tlsdemo/tlsnet/trace"
)

// warning is the comment of every file.
const warning = "This file holds the secrets of the connections in it: whoever has it can read everything that was said on them. Give it to nobody who may not."

// Write writes captures as one file, with the secrets that open them. The packets are made up
// around what was said, since a capture of the real ones takes privileges: their addresses, times
// and ends are those of the connections. Addresses that are not of TCP are replaced by ones on
// loopback, and so are those that another connection of the file has; a comment on the first
// packet says what they were.
func Write(w io.Writer, captures ...*trace.Capture) error {
	out := bufio.NewWriter(w)
	_, _ = out.Write(appendBlock(nil, blockSection, section())) // Flush tells of an error
	_, _ = out.Write(appendBlock(nil, blockInterface, networkBlock()))
	if keys := secretsOf(captures); len(keys) > 0 {
		_, _ = out.Write(appendBlock(nil, blockSecrets, secrets(keys)))
	}
	for _, p := range packetsOf(captures) {
		if _, err := out.Write(appendBlock(nil, blockPacket, p.enhanced())); err != nil {
			return err
		}
	}
	return out.Flush()
}

// section is the body of the block that a file begins with.
func section() []byte {
	body := order.AppendUint32(nil, orderMagic)
	body = append(body, 1, 0, 0, 0) // version 1.0
	body = order.AppendUint64(body, unknownSection)
	body = appendOption(body, optionComment, []byte(warning))
	body = appendOption(body, optionProgram, []byte("tlsdemo"))
	return appendOption(body, optionEnd, nil)
}

// networkBlock is the body of the block of the interface where all the packets were seen.
func networkBlock() []byte {
	body := []byte{linkRaw, 0, 0, 0, 0, 0, 0, 0}
	body = appendOption(body, optionTick, []byte{nanoseconds})
	return appendOption(body, optionEnd, nil)
}

func secretsOf(captures []*trace.Capture) (keys []byte) {
	for _, c := range captures {
		keys = append(keys, c.KeyLog()...)
	}
	return keys
}

// secrets is the body of a block of secrets.
func secrets(keys []byte) []byte {
	body := order.AppendUint32(nil, secretsTLS)
	body = order.AppendUint32(body, uint32(len(keys)))
	return append(body, keys...)
}

// packetsOf are the packets of captures, in the order in which they were sent.
func packetsOf(captures []*trace.Capture) (packets []packet) {
	book := make(addresses)
	for i, c := range captures {
		flow := flow{seq: [2]uint32{uint32(i+1) << 20, uint32(i+1)<<20 + 1<<19}}
		flow.ends, flow.comment = book.of(c, i)
		packets = append(packets, flow.of(c)...)
	}
	slices.SortStableFunc(packets, func(a, b packet) int { return a.at.Compare(b.at) })
	return packets
}

// enhanced is the body of the block of a packet.
func (p *packet) enhanced() []byte {
	frame := p.frame()
	body := make([]byte, 4, len(frame)+len(p.comment)+32)
	ticks := ticksOf(p.at)
	body = order.AppendUint32(body, uint32(ticks>>32))
	body = order.AppendUint32(body, uint32(ticks))
	body = order.AppendUint32(body, uint32(len(frame)))
	body = order.AppendUint32(body, uint32(len(frame)))
	body = pad(append(body, frame...))
	if p.comment == "" {
		return body
	}
	body = appendOption(body, optionComment, []byte(p.comment))
	return appendOption(body, optionEnd, nil)
}

// ticksOf is a time as files have it. That of which none is known is their zero.
func ticksOf(at time.Time) uint64 {
	if at.IsZero() {
		return 0
	}
	return uint64(at.UnixNano())
}
