package wire

import (
	"bytes"
	"crypto/tls"
	"slices"
	"testing"
)

// live adds chunks one by one, with the secrets that come after each.
func live(chunks []Chunk, secrets *Secrets, after func(i int)) (d *Decoder, all []string) {
	d = NewDecoder(secrets)
	d.Hold = true
	note := func(messages []Message) {
		for _, m := range messages {
			all = append(all, m.Name)
		}
	}
	for i, chunk := range chunks {
		note(d.Add(chunk))
		after(i)
	}
	note(d.Flush())
	return d, all
}

// Secrets that come after the records that they open, each line or all at the end, open them all
// the same.
func TestDecoderHold(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client, server := mutual(t, version)
		known := new(Secrets)
		chunks := exchanged(t, known, client, server)
		want := Decode(chunks, known)
		log := known.KeyLog(want.Randoms...)
		lines := slices.Collect(bytes.Lines(log))
		for name, after := range map[string]func(secrets *Secrets, i int){
			"line by line": func(secrets *Secrets, i int) {
				if i < len(lines) {
					_, _ = secrets.Write(lines[i])
				}
			},
			"at the end": func(secrets *Secrets, i int) {
				if i == len(chunks)-1 {
					_, _ = secrets.Write(log)
				}
			},
			"before": func(secrets *Secrets, _ int) { _, _ = secrets.Write(log) },
		} {
			secrets := new(Secrets)
			d, got := live(chunks, secrets, func(i int) { after(secrets, i) })
			if !slices.Equal(got, names(want)) {
				t.Errorf("%#x, %s: %v, want %v", version, name, got, names(want))
			}
			for _, m := range d.Conversation().Messages {
				if m.Fault != "" || m.Content == Closed || m.Content == Handshake && m.Type == Finished && m.Proof == "" {
					t.Errorf("%#x, %s: %v: %q", version, name, &m, m.Fault)
				}
			}
		}
	}
}

// What is held without a secret that comes is closed in the end, and is not lost.
func TestDecoderHoldInVain(t *testing.T) {
	client, server := mutual(t, tls.VersionTLS13)
	chunks := exchanged(t, new(Secrets), client, server)
	secrets := new(Secrets)
	d := NewDecoder(secrets)
	d.Hold = true
	for _, chunk := range chunks {
		for _, m := range d.Add(chunk) {
			if m.Content == Closed {
				t.Errorf("%v is closed before its time", &m)
			}
		}
	}
	sent := [2]int64{}
	for _, chunk := range chunks {
		sent[chunk.From] += int64(len(chunk.Data))
	}
	held := d.Conversation().Unfinished
	d.Flush()
	c := d.Conversation()
	for side, h := range d.half {
		if h.offset != sent[side] || c.Unfinished[side] != 0 || held[side] == 0 {
			t.Errorf("%d of %d bytes; %d were held, and %d are", h.offset, sent[side], held[side], c.Unfinished[side])
		}
	}
	if got, want := names(c), names(Decode(chunks, nil)); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
