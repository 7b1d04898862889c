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
	if len(m.Fields) == 0 && m.Content != wire.NotTLS {
		d.dump(m.Raw, 0, "data", 0)
	}
	for i := range m.Fields {
		d.field(m, &m.Fields[i], 0)
	}
	if skipped := m.Skipped(); skipped > 0 {
		d.say("... and "+bytesOf(skipped)+" more", dim)
	}
}

func (d *drawing) field(m *wire.Message, f *wire.Field, depth int) {
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
		d.dump(m.Raw[f.Offset:f.Offset+size], f.Offset, rest, depth)
		for i := range inside[own:] {
			d.field(m, &inside[own+i], depth+1)
		}
		return
	}
	value := f.Name
	if f.Value != "" {
		value += ": " + f.Value
	}
	d.dump(m.Bytes(f), f.Offset, value, depth)
}

// dump draws bytes, with what they mean beside the first of them.
func (d *drawing) dump(data []byte, offset int, means string, depth int) {
	for first := true; first || len(data) > 0; first = false {
		n := min(perLine, len(data))
		line := fmt.Sprintf("%04x  %-*s", offset, 3*perLine, fmt.Sprintf("% x", data[:n]))
		if first {
			line += " " + strings.Repeat("  ", min(depth, 8)) + d.clean(means)
		}
		d.line("", spaces(indent)+clip(strings.TrimRight(line, " "), text), "")
		data, offset = data[n:], offset+n
	}
}
