package tlsnet

import (
	"bytes"
	"testing"
)

// However the bytes are cut into reads, the tail is the last of them, and an alert is
// found only where the whole record is.
func FuzzTail(f *testing.F) {
	alert := []byte{21, 3, 3, 0, 2, 2, 48}
	f.Add(alert, 3)
	f.Add(append([]byte("something before it"), alert...), 1)
	f.Add(append(bytes.Clone(alert), 0), 7)
	f.Add([]byte{21, 3, 3, 0, 2, 1, 0}, 2)
	f.Fuzz(func(t *testing.T, data []byte, piece int) {
		var w wire
		for rest := data; len(rest) > 0; {
			n := min(max(piece, 1), len(rest))
			w.tail, w.in = appendTail(w.tail, rest[:n]), appendHead(w.in, rest[:n])
			rest = rest[n:]
		}
		want := data[max(0, len(data)-tailSize):]
		if !bytes.Equal(w.tail, want) {
			t.Errorf("tail %x, want %x", w.tail, want)
		}
		if !bytes.Equal(w.in, data[:min(len(data), headSize)]) {
			t.Errorf("head of %d bytes", len(w.in))
		}
		got, ok := w.plaintextAlert()
		if wantOK := bytes.HasPrefix(want, alert[:6]) && len(want) == tailSize; ok != wantOK || ok && got != want[6] {
			t.Errorf("alert %d, %v", got, ok)
		}
	})
}

func TestEveryCodeHasText(t *testing.T) {
	if len(Codes()) < 40 {
		t.Errorf("only %d codes", len(Codes()))
	}
	seen := map[Code]bool{}
	for _, code := range Codes() {
		if code.Text() == "" || seen[code] {
			t.Errorf("%s: text %q, seen %v", code, code.Text(), seen[code])
		}
		seen[code] = true
	}
}
