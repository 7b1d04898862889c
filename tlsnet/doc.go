/*
Package tlsnet carries one exchange over mutual TLS: a client sends a message, a
server answers it. It has a [Server], a [Dialer], the two halves of the exchange
([Requester], [Responder]), and errors that say how a connection failed. Who the two
ends are and whom they trust comes from outside, as a *tls.Config.

# Who is served by whom

ALPN (RFC 7301) decides. The Server's [Handler], a [Responder] as a rule, has the clients that
agree on [Protocol], and those that offer nothing. Clients that agree on h2 or http/1.1 are
served by a server of net/http's, if there is one: [Server.HTTP]. So are those that offer
nothing and whose first bytes are a request line of HTTP; the handler of a request finds out
who its client is by Request.TLS, whichever way it came.

# Where a message ends

Two ends that agree on the application protocol [Protocol] by ALPN (RFC 7301) frame
their messages, as below. With any other peer the rule of a plain TCP tutorial holds:

  - The server answers what arrives together, at most 16 KiB: it reads, and goes on as long
    as the next piece follows within 2 milliseconds. TLS cuts a message into records, and a
    moment may pass between two of them. So where a record is as large as those are that a
    TLS library fills before it begins another (that of a TCP segment, as crypto/tls begins
    with, or a round number), the server waits for the next up to 50 milliseconds; and up to
    250 where it speaks HTTP and what came may become a request line.
  - Then it says close_notify, and reads on until the client closes, or is silent for a
    second. What comes in that time counts as received.
  - The client sends all of its message, whenever the answer comes, as long as the server
    takes more. The answer is what comes until the server closes or, once it has begun and
    the message is sent, is silent for a while.

Each end knows how what it received has ended, and says so ([Ending]). Only an announced end
proves that it is whole: close_notify (RFC 8446 section 6.1), or the end of a framed
message. A FIN alone can come from anybody on the way. Over bare TCP there is nothing else,
so there it has to do. Over a *tls.Conn that is not one of [tlsdemo/tlsnet/explain]'s it is not
known whether a FIN was announced, since crypto/tls does not tell.

# The format tlsdemo/1

A message is a sequence of chunks. A chunk is a kind of one byte, a length of two bytes
in network byte order, and as many bytes as the length says:

	kind  length    what follows
	0     0         nothing: the message ends here, whole
	1     1-65535   a piece of the message
	2     0-1024    the reason, in UTF-8, why the rest will not come

The client sends one message, the server answers with one; then both close. A message
that stops without a chunk of kind 0 or 2 was cut short. Any other kind or length is an
error. The server may begin to answer before the message has ended, so a client that
sends more than the network holds has to read while it writes. In Python, over a socket
that is already TLS:

	def send(sock, data):
	    for i in range(0, len(data), 16000):
	        piece = data[i:i + 16000]
	        sock.sendall(b"\1" + len(piece).to_bytes(2, "big") + piece)
	    sock.sendall(b"\0\0\0")

	def receive(sock):
	    file, data = sock.makefile("rb"), b""
	    while head := file.read(3):
	        body = file.read(int.from_bytes(head[1:], "big"))
	        if head[0] == 0:
	            return data
	        if head[0] == 2:
	            raise OSError(body.decode())
	        data += body
	    raise EOFError("cut short")
*/
package tlsnet
