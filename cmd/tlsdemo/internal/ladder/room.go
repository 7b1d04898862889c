package ladder

import (
	"fmt"

	"tlsdemo/tlsnet/wire"
)

// How much is shown field by field and byte by byte: of one message, and of one story, where what was
// said over TLS, or without it, has room of its own. A plain handshake has a quarter of that.
const (
	maxFields, maxBytes, maxData       = 1 << 10, 16 << 10, 2 << 10
	storyFields, storyBytes, storyData = 1 << 11, 32 << 10, 8 << 10
	pageFields, pageBytes              = 1 << 13, 128 << 10 // of all stories of a page
)

// room is how much more can be shown of a story.
type room struct {
	fields, bytes, data int
	left                int64 // how many bytes of messages were not
}

func newRoom() *room { return &room{fields: storyFields, bytes: storyBytes, data: storyData} }

// within takes from the room of all stories together what one may have.
func (r *room) within(all *room) *room {
	r.fields, r.bytes, r.data = min(r.fields, all.fields), min(r.bytes, all.bytes), min(r.data, all.data)
	return r
}

// share is the room for one message.
func (r *room) share(m *wire.Message) share {
	if isData(m) {
		return share{bytes: min(r.data, maxData)}
	}
	return share{fields: min(r.fields, maxFields), bytes: min(r.bytes, maxBytes)}
}

// share is how much more can be shown of one message.
type share struct{ fields, bytes int }

// spent notes that a message was shown, with so many fields and bytes.
func (r *room) spent(m *wire.Message, fields, bytes int) {
	r.left += m.Size - int64(bytes)
	if isData(m) {
		r.data -= bytes
		return
	}
	r.fields -= fields
	r.bytes -= bytes
}

// leftOut says in a sentence how much was not shown, and where it is, or nothing.
func (r *room) leftOut() string {
	if r.left == 0 {
		return ""
	}
	return fmt.Sprintf("%s of these messages are left out here. What was recorded is all in a trace for Wireshark: --trace=FILE.pcapng.", bytesOf(r.left))
}
