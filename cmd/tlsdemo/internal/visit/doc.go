/*
Package visit answers HTTP requests with what a TLS server saw of the client that makes
them: who it is, its certificates, what strict peers would say of them, and the connection.

	GET /             for a person: as text, as a page or as JSON, by the header Accept
	GET /whoami.json  the same as JSON, always: see [Report]
	POST /echo        sends the body back
	GET /healthz      says ok

A gRPC client and one that asks for WebSocket are told, in their own words, that the
handshake has succeeded and that there is nothing of theirs here. Whatever a client has in
its certificate, an answer is small, and what does not print in it is escaped.

The Host of a request is of no account. A page of the web whose host has been given the address
of this server (DNS rebinding) does not get as far as a request: a browser refuses a certificate
that does not have the page's host, whether or not this server asks for one of the client. And
without CORS it lets no other page read an answer.
*/
package visit
