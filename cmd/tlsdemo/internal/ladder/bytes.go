package ladder

import (
	"fmt"
	"strings"

	"tlsdemo/tlsnet/wire"
)

// perLine is how many bytes stand in a line.
const perLine = 8

// bytes draws every byte of a message beside what it means.
func (d *drawing) bytes(m *wire.Message) {
	if m.Content == wire.NotTLS {
		return // what it says stands there already
	}
	mine := d.room.share(m)
	left := mine
	if len(m.Fields) == 0 {
		d.dump(left.take(m.Raw), 0, "data", 0)
	}
	for i := range m.Fields {
		d.field(m, &m.Fields[i], 0, &left)
	}
	shown := mine.bytes - left.bytes
	if skipped := m.Size - int64(shown); skipped > 0 {
		d.say("... and "+bytesOf(skipped)+" more", dim)
	}
	if !withheldFrom(m) {
		d.room.spent(m, mine.fields-left.fields, shown)
	}
}

// take is as much of data as there is room for.
func (s *share) take(data []byte) []byte {
	data = data[:min(len(data), s.bytes)]
	s.bytes -= len(data)
	return data
}

// field draws a field, if there is room.
func (d *drawing) field(m *wire.Message, f *wire.Field, depth int, left *share) {
	if left.fields == 0 {
		return
	}
	left.fields--
	if len(f.Fields) > 0 {
		inside, rest := f.Fields, f.Name
		if f.Note != "" {
			rest += ": " + f.Note
		}
		// What says how long the rest is stands beside the name of the whole.
		own := 0
		for own < len(inside) && own < 2 && (inside[own].Name == "type" && f.Note != "" || inside[own].Name == "length") {
			own++
		}
		size := 0
		for _, part := range inside[:own] {
			size += part.Length
		}
		d.dump(left.take(m.Raw[f.Offset:f.Offset+size]), f.Offset, rest, depth)
		for i := range inside[own:] {
			d.field(m, &inside[own+i], depth+1, left)
		}
		return
	}
	data, value := m.Bytes(f), f.Name
	if f.Value != "" && !strings.HasPrefix(f.Value, fmt.Sprintf("%x", data[:min(len(data), 3*perLine)])) { // which stands there
		value += ": " + f.Value
	}
	if LeftOut(f) {
		d.dump(nil, f.Offset, fmt.Sprintf("%s (%s)", value, bytesOf(int64(f.Length))), depth)
		return
	}
	d.dump(left.take(data), f.Offset, value, depth)
}

// dump draws bytes, with what they mean beside them. Where that is longer, it goes on below.
func (d *drawing) dump(data []byte, offset int, means string, depth int) {
	in := spaces(2 * min(depth, 8))
	words := fold(d.clean(means), text-columns(beside)-columns(in))
	for len(data) > 0 || len(words) > 0 {
		n, line := min(perLine, len(data)), beside
		if n > 0 || offset >= 0 {
			line = fmt.Sprintf("%04x  %-*s ", offset, 3*perLine, fmt.Sprintf("% x", data[:n]))
		}
		if len(words) > 0 {
			line += in + words[0]
			words = words[1:]
		}
		d.line("", spaces(indent)+strings.TrimRight(line, " "), "")
		if data, offset = data[n:], offset+n; len(data) == 0 {
			offset = -1 // there are no more
		}
	}
}

// beside is as wide as what stands in front of what bytes mean: their offset, and themselves.
var beside = spaces(len("0000  ") + 3*perLine + 1)
