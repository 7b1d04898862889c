package wire

import "bytes"

// Seen is what has passed on a connection below TLS. The zero value is that of one on
// which nothing has.
type Seen struct {
	Received int64  // bytes
	In, Out  []byte // the first bytes of either direction, at most 512
	tail     [tailSize]byte
	tailLen  int // of tail, how much has been received
}

// note adds p to what was received.
func (s *Seen) note(p []byte) {
	s.Received += int64(len(p))
	s.In = appendHead(s.In, p)
	p = p[max(0, len(p)-tailSize):]
	s.tailLen = copy(s.tail[:], s.tail[max(0, s.tailLen+len(p)-tailSize):s.tailLen])
	s.tailLen += copy(s.tail[s.tailLen:], p)
}

func appendHead(head, p []byte) []byte {
	return append(head, p[:min(len(p), headSize-len(head))]...)
}

// PlaintextAlert returns the alert in the last record received, if that is one in
// plaintext: type 21, version 3.3, length 2, level fatal. OpenSSL and its family refuse a
// TLS 1.3 server's certificate so, where RFC 8446 section 5 would have it encrypted, and
// crypto/tls can only say that the record's MAC is bad (golang/go#51837).
func (s Seen) PlaintextAlert() (alert byte, ok bool) {
	begin := [...]byte{typeAlert, recordVersion, 3, 0, 2, levelFatal}
	if s.tailLen < tailSize || !bytes.HasPrefix(s.tail[:], begin[:]) {
		return 0, false
	}
	return s.tail[len(begin)], true
}

// NotTLS reports whether what was received cannot be the beginning of TLS.
func (s Seen) NotTLS() bool {
	switch {
	case len(s.In) == 0:
		return false
	case len(s.In) > 1 && s.In[1] != recordVersion:
		return true
	}
	return s.In[0] != typeAlert && s.In[0] != typeHandshake
}

// Alert reports whether what was received begins with an alert in plaintext, as a server of
// TLS answers what is no ClientHello: RFC 8446 section 6.
func (s Seen) Alert() bool {
	return len(s.In) > 1 && s.In[0] == typeAlert && s.In[1] == recordVersion
}

// SSL2Hello returns the highest version that a client offers which begins with a ClientHello in
// the format of SSL 2.0, as old programs do although they speak TLS: RFC 5246 appendix E.2.
func (s Seen) SSL2Hello() (version uint16, ok bool) {
	const shortest = 9 // bytes
	if len(s.In) < 5 || s.In[0]&0x80 == 0 || s.In[1] < shortest || s.In[2] != ClientHello || s.In[3] != recordVersion && s.In[3] != 0 {
		return 0, false
	}
	return uint16(s.In[3])<<8 | uint16(s.In[4]), true
}

// Garbled reports whether what was received begins like a record of a handshake, and not with
// one of the two messages with which a handshake begins: RFC 8446 section 4.
func (s Seen) Garbled() bool {
	messages := s.handshake()
	return len(messages) > 0 && messages[0] != ClientHello && messages[0] != ServerHello
}

// Answered reports whether a ServerHello was received, other than one that asks for another
// ClientHello: RFC 8446 section 4.1.4.
func (s Seen) Answered() bool {
	const random = 6 // where it begins: after the type, the length and the version
	messages := s.handshake()
	return len(messages) >= random+len(retryRandom) && messages[0] == ServerHello && string(messages[random:random+len(retryRandom)]) != retryRandom
}

// HelloSize returns how long the first record that was sent is, its header included: that
// of a client is its ClientHello.
func (s Seen) HelloSize() int {
	if len(s.Out) < headerSize {
		return len(s.Out)
	}
	return headerSize + uintOf(s.Out[3:headerSize])
}

// Echoed reports whether the peer has sent back what it received.
func (s Seen) Echoed() bool {
	n := min(len(s.In), len(s.Out))
	return n >= 16 && bytes.Equal(s.In[:n], s.Out[:n])
}

// HTTP reports whether what was received is the beginning of a request of HTTP, of an
// answer, or of a page: a server of HTTP/0.9 answers with a page to what it takes for a
// request.
func (s Seen) HTTP() bool {
	if likeHTTP(s.In) {
		return false
	}
	start := bytes.ToLower(s.In[:min(len(s.In), 9)])
	if bytes.HasPrefix(start, []byte("<!doctype")) || bytes.HasPrefix(start, []byte("<html")) {
		return true
	}
	for _, word := range httpWords {
		if bytes.HasPrefix(s.In, []byte(word)) {
			return true
		}
	}
	return false
}

var httpWords = [...]string{
	"GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "OPTIONS ", "PATCH ", "CONNECT ", "PRI * HTTP/", "HTTP/",
}

// Certificate returns the beginning, or all, of the first certificate that was received in
// plaintext, as far as it is among the first bytes; or nil. In TLS 1.3 certificates are
// encrypted.
func (s Seen) Certificate() []byte {
	for messages := s.handshake(); len(messages) > 4; {
		size, body := uintOf(messages[1:4]), messages[4:]
		if messages[0] == Certificate {
			return firstCertificate(body)
		}
		messages = body[min(size, len(body)):]
	}
	return nil
}

// firstCertificate is the first of a list of certificates, each after its length, in front
// of which stands the list's own: RFC 5246 section 7.4.2.
func firstCertificate(list []byte) []byte {
	if len(list) < 6 {
		return nil
	}
	return list[6:min(6+uintOf(list[3:6]), len(list))]
}

// handshake is the messages of a handshake with which what was received begins, without the
// records around them: RFC 8446 section 5.1.
func (s Seen) handshake() []byte {
	var messages []byte
	for in := s.In; len(in) > headerSize && in[0] == typeHandshake; {
		end := min(headerSize+uintOf(in[3:headerSize]), len(in))
		messages = append(messages, in[headerSize:end]...)
		in = in[end:]
	}
	return messages
}

// FirstLine returns the beginning of what was received: its first line, at most 40 bytes.
func (s Seen) FirstLine() []byte {
	first := s.In[:min(len(s.In), 40)]
	if line, _, ok := bytes.Cut(first, []byte("\n")); ok {
		return bytes.TrimSuffix(line, []byte("\r"))
	}
	return first
}
