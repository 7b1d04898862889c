package wire

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
)

// Field is a part of a message. The leaves of the tree, which are the fields that have no others
// in them, hold every byte of the message once, in order.
//
// Names are those of the RFCs, in words: "cipher suite", "signature scheme". An extension has the
// name that IANA gives it, such as "server_name", or "extension 4711"; its first two fields are
// its type and its length. Where a message is not what it should be, there is a field "cut short"
// or "left over", and the message has a fault. A message has at most 4096 fields; then one that
// is called "more" holds the rest.
type Field struct {
	Name   string
	Offset int // in the message, in bytes
	Length int // in bytes
	// Value is what the bytes of a leaf say, such as "TLS_AES_128_GCM_SHA256", or their first 24
	// in hexadecimal digits. Text that the peer has chosen is in quotes and printable ASCII.
	Value string
	// Note is what else there is to say: the number of what Value has the name of, or what an
	// extension is for. It may be empty.
	Note   string
	Fields []Field
}

// Find returns the first field below f with these names, each directly below the one before, or
// nil.
func (f *Field) Find(names ...string) *Field { return find(f.Fields, names) }

func find(fields []Field, names []string) *Field {
	for i := range fields {
		f := &fields[i]
		if f.Name != names[0] {
			continue
		}
		if len(names) == 1 {
			return f
		}
		if found := find(f.Fields, names[1:]); found != nil {
			return found
		}
	}
	return nil
}

// All returns the fields directly below f that have a name, in order.
func (f *Field) All(name string) []*Field {
	var all []*Field
	for i := range f.Fields {
		if f.Fields[i].Name == name {
			all = append(all, &f.Fields[i])
		}
	}
	return all
}

// maxFields is how many fields a message is divided into at most. What is left is one more.
const maxFields = 4096

// reading is a message that is being divided.
type reading struct {
	raw   []byte
	room  int    // for how many fields there still is
	fault string // the first thing that is wrong
}

// cursor divides a part of a message. What it leaves over becomes a field of its own: so no
// byte is lost, whatever a message holds.
type cursor struct {
	*reading
	at, end int
	fields  []Field
}

func (c *cursor) left() int { return c.end - c.at }

// more reports whether there is something left, and room for it.
func (c *cursor) more() bool { return c.left() > 0 && c.room > 0 }

// wrong notes what is wrong, unless that has been found out before.
func (r *reading) wrong(format string, args ...any) {
	if r.fault == "" {
		r.fault = fmt.Sprintf(format, args...)
	}
}

// add takes n bytes as a leaf.
func (c *cursor) add(name string, n int, value, note string) {
	c.fields = append(c.fields, Field{Name: name, Offset: c.at, Length: n, Value: value, Note: note})
	c.at += n
	c.room--
}

// has reports whether n bytes are left. If not, those there are become a leaf.
func (c *cursor) has(name string, n int) bool {
	if n <= c.left() {
		return true
	}
	c.wrong("%s is cut short: it has %d of %d bytes", name, c.left(), n)
	c.rest("cut short")
	return false
}

// rest takes what is left as a leaf, if there is anything.
func (c *cursor) rest(name string) {
	if c.left() > 0 {
		c.bytes(name, c.left())
	}
}

// bytes takes n bytes, and returns them.
func (c *cursor) bytes(name string, n int) []byte {
	if !c.has(name, n) {
		return nil
	}
	data := c.raw[c.at : c.at+n]
	c.add(name, n, hexOf(data), "")
	return data
}

// text takes n bytes that are text.
func (c *cursor) text(name string, n int) string {
	if !c.has(name, n) {
		return ""
	}
	text := string(c.raw[c.at : c.at+n])
	c.add(name, n, quoted(text), "")
	return text
}

// maxText is how long a text may be in quotes, in bytes. Of a longer one the beginning is shown.
const maxText = 300

// quoted is a text as Go has it in quotes, in which nothing acts on a terminal or a page.
func quoted(text string) string {
	whole := strconv.QuoteToASCII(text[:min(len(text), maxText)])
	if len(text) <= maxText && len(whole) <= maxText {
		return whole
	}
	return fmt.Sprintf("%+q... (%d bytes)", text[:min(len(text), maxText/10)], len(text))
}

// maxHex is how many bytes of a value are shown as such.
const maxHex = 32

func hexOf(data []byte) string {
	if len(data) <= maxHex {
		return hex.EncodeToString(data)
	}
	return fmt.Sprintf("%x... (%d bytes)", data[:maxHex-8], len(data))
}

// number takes a number of n bytes, at most four, and shows it as such.
func (c *cursor) number(name string, n int) int { return c.named(name, n, nil) }

// named takes a number of n bytes, and shows what it is called.
func (c *cursor) named(name string, n int, call func(int) string) int {
	if !c.has(name, n) {
		return 0
	}
	value := uintOf(c.raw[c.at : c.at+n])
	if call == nil {
		c.add(name, n, fmt.Sprint(value), "")
		return value
	}
	note := fmt.Sprintf("0x%0*x", 2*n, value)
	called := call(value)
	if called == "" {
		called = "unknown"
	}
	c.add(name, n, called, note)
	return value
}

func uintOf(data []byte) int {
	var word [8]byte
	copy(word[8-len(data):], data)
	return int(binary.BigEndian.Uint64(word[:]))
}

// group has the next n bytes divided, and makes a field of them.
func (c *cursor) group(name string, n int, divide func(*cursor)) *Field {
	if !c.has(name, n) {
		return nil
	}
	inner := &cursor{reading: c.reading, at: c.at, end: c.at + n}
	c.room--
	divide(inner)
	inner.finish()
	c.fields = append(c.fields, Field{Name: name, Offset: c.at, Length: n, Fields: inner.fields})
	c.at += n
	return &c.fields[len(c.fields)-1]
}

// finish takes what has been left over.
func (c *cursor) finish() {
	switch {
	case c.left() == 0:
	case c.room <= 0:
		c.add("more", c.left(), fmt.Sprintf("and %d bytes more", c.left()), "")
	default:
		c.wrong("%d bytes are left over", c.left())
		c.rest("left over")
	}
}

// vector takes a length of so many bytes and what it is the length of, and has that divided.
// RFC 8446 section 3.4.
func (c *cursor) vector(name string, lengthBytes int, divide func(*cursor)) *Field {
	if !c.has(name, lengthBytes) {
		return nil
	}
	size := uintOf(c.raw[c.at : c.at+lengthBytes])
	if size > c.left()-lengthBytes {
		c.wrong("%s is cut short: it has %d of %d bytes", name, c.left()-lengthBytes, size)
		return c.group(name, c.left(), func(c *cursor) {
			c.number("length", lengthBytes)
			c.rest("cut short")
		})
	}
	return c.group(name, lengthBytes+size, func(c *cursor) {
		c.number("length", lengthBytes)
		divide(c)
	})
}

// opaque takes a length and bytes that are not divided.
func (c *cursor) opaque(name string, lengthBytes int) {
	c.vector(name, lengthBytes, func(c *cursor) { c.rest(name) })
}

// list takes a length and names of so many bytes each.
func (c *cursor) list(name, item string, lengthBytes, itemBytes int, call func(int) string) {
	c.vector(name, lengthBytes, func(c *cursor) {
		for c.more() {
			c.named(item, itemBytes, call)
		}
	})
}
