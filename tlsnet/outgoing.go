package tlsnet

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"

	"tlsdemo/tlsnet/explain"
)

// outgoing is a message that is being sent.
type outgoing struct {
	conn net.Conn
	src  localReader
	size int64         // of the message, or -1
	sent atomic.Int64  // bytes
	done chan struct{} // closed when nothing more will be sent
	err  error         // of the sending, once that is done
}

// sendMessage begins to send a message.
func sendMessage(conn net.Conn, message io.Reader) *outgoing {
	o := &outgoing{conn: conn, src: localReader{r: message}, size: sizeOf(message), done: make(chan struct{})}
	go o.run()
	return o
}

// sizeOf is how much there is to read, or -1 if that is not known.
func sizeOf(message io.Reader) int64 {
	file, ok := message.(io.Seeker)
	if !ok {
		return -1
	}
	start, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		return -1
	}
	end, err := file.Seek(0, io.SeekEnd)
	if _, back := file.Seek(start, io.SeekStart); err != nil || back != nil || end <= start {
		return -1
	}
	return end - start
}

func (o *outgoing) run() {
	defer close(o.done)
	o.err = o.send()
	if o.src.err != nil {
		interrupt(o.conn) // half a message gets no answer
	}
}

func (o *outgoing) send() error {
	if !framed(o.conn) {
		return o.copyTo(o.conn)
	}
	out := NewMessageWriter(o.conn)
	if err := o.copyTo(out); err != nil {
		_ = out.Abort("the client could not read its message")
		return err
	}
	return out.Close()
}

func (o *outgoing) copyTo(w io.Writer) error {
	buf := buffers.Get().(*buffer)
	defer buffers.Put(buf)
	_, err := io.CopyBuffer(&counter{w: w, n: &o.sent}, &o.src, buf[:])
	return err
}

// over reports whether nothing more will be sent.
func (o *outgoing) over() bool {
	select {
	case <-o.done:
		return true
	default:
		return false
	}
}

// wait waits for the message to be sent, until ctx is done.
func (o *outgoing) wait(ctx context.Context) {
	select {
	case <-o.done:
	case <-ctx.Done():
	}
}

// stop ends the sending. It does not wait for a source that blocks.
func (o *outgoing) stop() {
	if o.over() {
		return
	}
	_ = o.conn.SetDeadline(past)
	select {
	case <-o.done:
	case <-time.After(farewell):
	}
}

// whole reports whether all of the message has been sent.
func (o *outgoing) whole() bool { return o.over() && o.err == nil }

// failure is the error of sending, or nil.
func (o *outgoing) failure() error {
	if o.over() {
		return o.err
	}
	return nil
}

// local is the error of the message's source, or nil.
func (o *outgoing) local() error {
	if o.over() {
		return o.src.err
	}
	return nil
}

// unsent is the error for a message of which err kept a part from the server, or nil.
func (x *exchange) unsent(o *outgoing, err error) error {
	if err == nil {
		return nil
	}
	return x.failed("send message", explain.MessageNotTaken, &UnsentError{Sent: o.sent.Load(), Size: o.size, Err: err})
}

// counter counts what is written.
type counter struct {
	w io.Writer
	n *atomic.Int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n.Add(int64(n))
	return n, err
}

// localReader remembers its own error, so that it can be told from the network's.
type localReader struct {
	r   io.Reader
	err error
}

func (l *localReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		l.err = err
	}
	return n, err
}
