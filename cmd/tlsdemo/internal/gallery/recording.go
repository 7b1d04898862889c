package gallery

import (
	"slices"
	"sync"
	"time"

	"tlsdemo/cmd/tlsdemo/internal/console"
	"tlsdemo/tlsnet/trace"
	"tlsdemo/tlsnet/wire"
)

// Recording is what a scenario looks like on the wire, at both ends. A nil one records nothing.
type Recording struct {
	recorder *trace.Recorder
	mu       sync.Mutex
	captures []*trace.Capture
}

// NewRecording returns one whose recorder records both ends.
func NewRecording(now func() time.Time) *Recording {
	r := new(Recording)
	r.recorder = &trace.Recorder{Now: now, Done: func(c *trace.Capture) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.captures = append(r.captures, c)
	}}
	return r
}

// Recorder is what records, or nil.
func (r *Recording) Recorder() *trace.Recorder {
	if r == nil {
		return nil
	}
	return r.recorder
}

// At are the captures of one end, in the order in which its connections ended.
func (r *Recording) At(self wire.Side) (captures []*trace.Capture) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.captures {
		if c.Self == self {
			captures = append(captures, c)
		}
	}
	return captures
}

// Fullest are the captures of the end that saw most.
func (r *Recording) Fullest() []*trace.Capture {
	server, client := r.At(wire.Server), r.At(wire.Client)
	if saidBytes(client) > saidBytes(server) {
		return client
	}
	return server
}

func saidBytes(captures []*trace.Capture) (n int) {
	for _, c := range captures {
		for _, chunk := range c.Chunks {
			n += len(chunk.Data)
		}
	}
	return n
}

// Surest is the end that knows best why a connection failed, and what it says.
func Surest(server, client *console.Explanation) (by wire.Side, said *console.Explanation) {
	best := -1
	for side, e := range []*console.Explanation{wire.Server: server, wire.Client: client} {
		if e == nil {
			continue
		}
		if sure := slices.Index([]string{"unknown", "likely", "certain"}, e.Certainty); sure > best || said == nil {
			best, by, said = sure, wire.Side(side), e
		}
	}
	return by, said
}
