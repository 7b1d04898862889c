package tlsnet_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"tlsdemo/tlsnet"
)

// encode writes a message in pieces of the given sizes.
func encode(t testing.TB, sizes ...int) (message, wire []byte) {
	t.Helper()
	var out bytes.Buffer
	w := tlsnet.NewMessageWriter(&out)
	for i, size := range sizes {
		piece := bytes.Repeat([]byte{byte('a' + i)}, size)
		if n, err := w.Write(piece); n != size || err != nil {
			t.Fatalf("wrote %d of %d, error %v", n, size, err)
		}
		message = append(message, piece...)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return message, out.Bytes()
}

func TestMessageRoundTrip(t *testing.T) {
	for _, sizes := range [][]int{{}, {0}, {1}, {12}, {5, 0, 7}, {16377}, {16378}, {16379}, {40000}, {1, 16378, 1}, {1 << 20}} {
		message, wire := encode(t, sizes...)
		for name, r := range map[string]io.Reader{
			"whole":         bytes.NewReader(wire),
			"byte by byte":  iotest.OneByteReader(bytes.NewReader(wire)),
			"EOF with data": iotest.DataErrReader(bytes.NewReader(wire)),
		} {
			got, err := io.ReadAll(tlsnet.NewMessageReader(r))
			if err != nil || !bytes.Equal(got, message) {
				t.Errorf("%v %s: %d bytes of %d, error %v", sizes, name, len(got), len(message), err)
			}
		}
	}
}

// The format is a promise to other implementations.
func TestMessageOnTheWire(t *testing.T) {
	_, wire := encode(t, 3)
	if want := "\x01\x00\x03aaa\x00\x00\x00"; string(wire) != want {
		t.Errorf("wrote %q, want %q", wire, want)
	}
	var out bytes.Buffer
	w := tlsnet.NewMessageWriter(&out)
	io.WriteString(w, "half")
	if err := w.Abort("shutting down"); err != nil {
		t.Fatal(err)
	}
	if want := "\x01\x00\x04half\x02\x00\x0dshutting down"; out.String() != want {
		t.Errorf("wrote %q, want %q", out.String(), want)
	}
	if _, err := w.Write([]byte("more")); err == nil {
		t.Error("no error after the end")
	}
}

// A small message is one write, and so one TLS record; so is each full chunk.
func TestMessageWrites(t *testing.T) {
	for size, want := range map[int]int{12: 1, 16377: 1, 16378: 2, 3 * 16378: 4} {
		var writes countWriter
		w := tlsnet.NewMessageWriter(&writes)
		w.Write(make([]byte, size))
		if err := w.Close(); err != nil || writes.n != want {
			t.Errorf("%d bytes: %d writes, want %d, error %v", size, writes.n, want, err)
		}
		if writes.largest > 1<<14 {
			t.Errorf("%d bytes: a write of %d bytes is more than a record", size, writes.largest)
		}
	}
}

type countWriter struct{ n, largest int }

func (c *countWriter) Write(p []byte) (int, error) {
	c.n++
	c.largest = max(c.largest, len(p))
	return len(p), nil
}

// A message that is cut anywhere is never taken for a whole one.
func TestMessageCutAnywhere(t *testing.T) {
	message, wire := encode(t, 5, 16380)
	for n := range wire {
		got, err := io.ReadAll(tlsnet.NewMessageReader(bytes.NewReader(wire[:n])))
		if !errors.Is(err, tlsnet.ErrCutShort) {
			t.Fatalf("cut at %d of %d: error %v", n, len(wire), err)
		}
		if !bytes.HasPrefix(message, got) {
			t.Fatalf("cut at %d of %d: what came is not the beginning", n, len(wire))
		}
	}
}

func TestMessageMalformed(t *testing.T) {
	for name, wire := range map[string]string{
		"unknown kind":         "\x03\x00\x00",
		"no data in data":      "\x01\x00\x00",
		"an end with a length": "\x00\x00\x01x",
		"reason too long":      "\x02\x04\x01" + strings.Repeat("x", 1025),
		"HTTP":                 "HTTP/1.1 200 OK\r\n",
	} {
		_, err := io.ReadAll(tlsnet.NewMessageReader(strings.NewReader(wire)))
		if !errors.Is(err, tlsnet.ErrMalformed) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestMessageAborted(t *testing.T) {
	got, err := io.ReadAll(tlsnet.NewMessageReader(strings.NewReader("\x01\x00\x04half\x02\x00\x04\x1b[2J")))
	abort, ok := errors.AsType[*tlsnet.AbortError](err)
	if !ok || abort.Reason != "\x1b[2J" || string(got) != "half" {
		t.Fatalf("got %q, error %v", got, err)
	}
	if strings.Contains(err.Error(), "\x1b") {
		t.Errorf("the error %q has the peer's escape sequence in it", err)
	}
}

func FuzzMessageReader(f *testing.F) {
	_, wire := encode(f, 3, 16380)
	for _, seed := range []string{string(wire), "", "\x00\x00\x00", "\x02\x00\x02no", "\x01\xff\xffx", "\x01\x00\x01a\x00\x00\x00trailing"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		whole, errWhole := io.ReadAll(tlsnet.NewMessageReader(bytes.NewReader(wire)))
		bytewise, errBytewise := io.ReadAll(tlsnet.NewMessageReader(iotest.OneByteReader(bytes.NewReader(wire))))
		if !bytes.Equal(whole, bytewise) || (errWhole == nil) != (errBytewise == nil) {
			t.Errorf("at once: %d bytes, %v; byte by byte: %d bytes, %v", len(whole), errWhole, len(bytewise), errBytewise)
		}
		var copied bytes.Buffer
		if _, err := io.Copy(&copied, tlsnet.NewMessageReader(bytes.NewReader(wire))); !bytes.Equal(whole, copied.Bytes()) || (err == nil) != (errWhole == nil) {
			t.Errorf("read: %d bytes, %v; copied: %d bytes, %v", len(whole), errWhole, copied.Len(), err)
		}
		if len(whole) > len(wire) {
			t.Errorf("%d bytes out of %d", len(whole), len(wire))
		}
		if errWhole == nil && !bytes.Contains(wire, []byte{0, 0, 0}) {
			t.Error("taken for whole without an end")
		}
	})
}

func FuzzMessageRoundTrip(f *testing.F) {
	f.Add([]byte("Hello world!"), 5)
	f.Add([]byte{}, 1)
	f.Fuzz(func(t *testing.T, message []byte, piece int) {
		var wire bytes.Buffer
		w := tlsnet.NewMessageWriter(&wire)
		for rest := message; len(rest) > 0; {
			n := min(max(piece, 1), len(rest))
			w.Write(rest[:n])
			rest = rest[n:]
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(tlsnet.NewMessageReader(&wire))
		if err != nil || !bytes.Equal(got, message) {
			t.Errorf("%q came back as %q, error %v", message, got, err)
		}
	})
}

// A reason that is too long is cut, so that the other end takes it for one.
func TestMessageAbortedAtLength(t *testing.T) {
	var wire bytes.Buffer
	if err := tlsnet.NewMessageWriter(&wire).Abort(strings.Repeat("x", 2000)); err != nil {
		t.Fatal(err)
	}
	_, err := io.ReadAll(tlsnet.NewMessageReader(&wire))
	if abort, ok := errors.AsType[*tlsnet.AbortError](err); !ok || len(abort.Reason) != 1024 {
		t.Errorf("error %v", err)
	}
}
