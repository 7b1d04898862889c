package wire

import (
	"crypto/tls"
	"fmt"
)

// divideMessage divides a message of the handshake. What is in many of them depends on the
// version, and on what has been agreed on.
func (d *Decoder) divideMessage(m *Message) {
	d.divide(m, func(c *cursor) {
		c.named("type", 1, messageName)
		c.number("length", 3)
		if c.left() > 0 {
			d.divideBody(m.Type, c)
		}
	})
}

func (d *Decoder) divideBody(kind int, c *cursor) {
	tls13 := d.c.Version == tls.VersionTLS13
	switch kind {
	case ClientHello:
		divideClientHello(c)
	case ServerHello:
		divideServerHello(c, d.h.retry)
	case NewSessionTicket:
		divideTicket(c, tls13)
	case EncryptedExtensions:
		divideExtensions(c, kind)
	case Certificate:
		divideCertificate(c, tls13)
	case CompressedCertificate:
		c.named("algorithm", 2, compressionName)
		c.number("length uncompressed", 3)
		c.opaque("compressed", 3)
	case ServerKeyExchange:
		d.divideKeyExchange(c)
	case CertificateRequest:
		d.divideRequest(c)
	case CertificateVerify:
		d.divideSignature(c)
	case ClientKeyExchange:
		d.divideClientKey(c)
	case Finished:
		c.rest("checksum")
	case CertificateStatus:
		c.named("type", 1, func(kind int) string { return map[int]string{1: "OCSP"}[kind] })
		c.opaque("response", 3)
	case KeyUpdate:
		c.named("request", 1, func(kind int) string {
			return map[int]string{0: "update_not_requested", 1: "update_requested"}[kind]
		})
	default:
		c.rest("body")
	}
}

func compressionName(id int) string {
	return map[int]string{1: "zlib", 2: "brotli", 3: "zstd"}[id]
}

// divideClientHello: RFC 8446 section 4.1.2.
func divideClientHello(c *cursor) {
	c.named("legacy version", 2, versionName)
	c.bytes("random", 32)
	c.opaque("session id", 1)
	c.list("cipher suites", "cipher suite", 2, 2, suiteName)
	c.list("compression methods", "method", 1, 1, methodName)
	if c.left() > 0 { // there are clients of TLS 1.0 that end here
		divideExtensions(c, ClientHello)
	}
}

func methodName(id int) string { return map[int]string{0: "none", 1: "deflate"}[id] }

// retryRandom is the random of a ServerHello that is a HelloRetryRequest: the SHA-256 of that
// name, RFC 8446 section 4.1.3.
const retryRandom = "\xCF\x21\xAD\x74\xE5\x9A\x61\x11\xBE\x1D\x8C\x02\x1E\x65\xB8\x91\xC2\xA2\x11\x16\x7A\xBB\x8C\x5E\x07\x9E\x09\xE2\xC8\xA8\x33\x9C"

// divideServerHello: RFC 8446 section 4.1.3.
func divideServerHello(c *cursor, retry bool) {
	c.named("legacy version", 2, versionName)
	c.bytes("random", 32)
	kind := ServerHello
	if retry {
		c.fields[len(c.fields)-1].Note = "that of a HelloRetryRequest"
		kind = helloRetryRequest
	}
	c.opaque("session id", 1)
	c.named("cipher suite", 2, suiteName)
	c.named("compression method", 1, methodName)
	if c.left() > 0 {
		divideExtensions(c, kind)
	}
}

// helloRetryRequest stands for a message whose type is that of a ServerHello.
const helloRetryRequest = 256 + ServerHello

// divideTicket: RFC 8446 section 4.6.1, RFC 5077 section 3.3.
func divideTicket(c *cursor, tls13 bool) {
	c.number("lifetime in seconds", 4)
	if tls13 {
		c.bytes("age add", 4)
		c.opaque("nonce", 1)
	}
	c.opaque("ticket", 2)
	if tls13 {
		divideExtensions(c, NewSessionTicket)
	}
}

// divideCertificate: RFC 8446 section 4.4.2, RFC 5246 section 7.4.2.
func divideCertificate(c *cursor, tls13 bool) {
	if tls13 {
		c.opaque("context", 1)
	}
	c.vector("certificates", 3, func(c *cursor) {
		for c.more() {
			if c.vector("certificate", 3, func(c *cursor) { c.rest("DER") }) == nil {
				return
			}
			if tls13 {
				divideExtensions(c, Certificate)
			}
		}
	})
}

// divideRequest: RFC 8446 section 4.3.2, RFC 5246 section 7.4.4.
func (d *Decoder) divideRequest(c *cursor) {
	if d.c.Version == tls.VersionTLS13 {
		c.opaque("context", 1)
		divideExtensions(c, CertificateRequest)
		return
	}
	c.list("certificate types", "type", 1, 1, func(id int) string {
		return map[int]string{1: "rsa_sign", 2: "dss_sign", 3: "rsa_fixed_dh", 4: "dss_fixed_dh", 64: "ecdsa_sign", 65: "rsa_fixed_ecdh", 66: "ecdsa_fixed_ecdh"}[id]
	})
	if d.c.Version >= tls.VersionTLS12 {
		c.list("signature schemes", "signature scheme", 2, 2, schemeName)
	}
	divideNames(c)
}

// divideNames divides the names of the CAs that are accepted.
func divideNames(c *cursor) {
	c.vector("authorities", 2, func(c *cursor) {
		for c.more() {
			if c.vector("authority", 2, func(c *cursor) { c.rest("DER") }) == nil {
				return
			}
		}
	})
}

// divideKeyExchange: RFC 8422 section 5.4, RFC 5246 section 7.4.3.
func (d *Decoder) divideKeyExchange(c *cursor) {
	switch exchangeOf(d.c.Suite) {
	case ecdhe:
		c.named("curve type", 1, func(kind int) string { return map[int]string{3: "named_curve"}[kind] })
		c.named("group", 2, groupName)
		c.opaque("public key", 1)
	case dhe:
		c.opaque("p", 2)
		c.opaque("g", 2)
		c.opaque("public key", 2)
	default:
		c.rest("parameters")
		return
	}
	if c.left() > 0 { // anonymous suites sign nothing
		d.divideSignature(c)
	}
}

// divideSignature: RFC 5246 section 4.7. Before TLS 1.2 a signature did not say its scheme.
func (d *Decoder) divideSignature(c *cursor) {
	if d.c.Version >= tls.VersionTLS12 {
		c.named("signature scheme", 2, schemeName)
	}
	c.opaque("signature", 2)
}

// divideClientKey: RFC 8422 section 5.7, RFC 5246 section 7.4.7.
func (d *Decoder) divideClientKey(c *cursor) {
	switch exchangeOf(d.c.Suite) {
	case ecdhe:
		c.opaque("public key", 1)
	case dhe:
		c.opaque("public key", 2)
	case plainRSA:
		c.opaque("encrypted premaster secret", 2)
	default:
		c.rest("parameters")
	}
}

// divideExtensions: RFC 8446 section 4.2.
func divideExtensions(c *cursor, in int) {
	c.vector("extensions", 2, func(c *cursor) {
		for c.more() {
			if c.left() < 4 || c.left() < 4+uintOf(c.raw[c.at+2:c.at+4]) {
				c.wrong("an extension is cut short")
				c.rest("cut short")
				return
			}
			divideExtension(c, in)
		}
	})
}

func divideExtension(c *cursor, in int) {
	kind, size := uintOf(c.raw[c.at:c.at+2]), uintOf(c.raw[c.at+2:c.at+4])
	name := extensionName(kind)
	if name == "" {
		name = fmt.Sprintf("extension %d", kind)
	}
	f := c.group(name, 4+size, func(c *cursor) {
		c.named("type", 2, extensionName)
		c.number("length", 2)
		if c.left() > 0 && c.room > 0 {
			divideInside(c, kind, in)
		}
	})
	if f != nil {
		f.Note = extensions[kind].use
	}
}

// divideInside divides what is in an extension.
func divideInside(c *cursor, kind, in int) {
	hello := in == ClientHello
	switch kind {
	case extServerName:
		divideServerName(c)
	case extStatusRequest:
		divideStatus(c, in)
	case extSupportedGroups:
		c.list("groups", "group", 2, 2, groupName)
	case extPointFormats:
		c.list("formats", "format", 1, 1, func(id int) string {
			return map[int]string{0: "uncompressed", 1: "ansiX962_compressed_prime", 2: "ansiX962_compressed_char2"}[id]
		})
	case extSignatureAlgorithms, extSignatureAlgsCert, extDelegatedCredentials:
		if kind == extDelegatedCredentials && !hello {
			c.rest("credential")
			return
		}
		c.list("signature schemes", "signature scheme", 2, 2, schemeName)
	case extALPN:
		divideProtocols(c)
	case extApplicationSettings, extApplicationSettingsOld:
		if !hello {
			c.rest("settings")
			return
		}
		divideProtocols(c)
	case extSCT:
		c.vector("timestamps", 2, func(c *cursor) {
			for c.more() {
				c.opaque("timestamp", 2)
			}
		})
	case extClientCertificateType, extServerCertificateType:
		if !hello {
			c.named("type", 1, certificateTypeName)
			return
		}
		c.list("types", "type", 1, 1, certificateTypeName)
	case extTicketRequest:
		c.number("new sessions", 1)
		c.number("resumptions", 1)
	case extPadding:
		c.rest("zeros")
	case extCompressCertificate:
		c.list("algorithms", "algorithm", 1, 2, compressionName)
	case extSupportedVersions:
		if hello {
			c.list("versions", "version", 1, 2, versionName)
		} else {
			c.named("version", 2, versionName)
		}
	case extCookie:
		c.opaque("cookie", 2)
	case extPSKModes:
		c.list("modes", "mode", 1, 1, func(id int) string { return map[int]string{0: "psk_ke", 1: "psk_dhe_ke"}[id] })
	case extAuthorities:
		divideNames(c)
	case extPreSharedKey:
		dividePSK(c, hello)
	case extEarlyData:
		c.number("maximum size", 4) // in a NewSessionTicket; elsewhere it is empty
	case extKeyShare:
		divideKeyShare(c, in)
	case extECH:
		divideECH(c, in)
	case extSessionTicket:
		c.rest("ticket")
	case extRenegotiationInfo:
		c.opaque("checksums", 1)
	case extMaxFragmentLength:
		c.named("length", 1, func(id int) string { return map[int]string{1: "2^9", 2: "2^10", 3: "2^11", 4: "2^12"}[id] })
	case extRecordSizeLimit:
		c.number("limit", 2)
	default:
		c.rest("data")
	}
}

func divideProtocols(c *cursor) {
	c.vector("protocols", 2, func(c *cursor) {
		for c.more() {
			c.vector("protocol", 1, func(c *cursor) { c.text("name", c.left()) })
		}
	})
}

// certificateTypeName: RFC 7250 section 7.
func certificateTypeName(id int) string { return map[int]string{0: "X.509", 2: "raw public key"}[id] }

// divideECH: RFC 9849 section 5.
func divideECH(c *cursor, in int) {
	switch in {
	case ClientHello:
		if c.named("type", 1, func(id int) string { return map[int]string{0: "outer", 1: "inner"}[id] }) != 0 {
			return
		}
		c.named("KDF", 2, func(id int) string { return map[int]string{1: "HKDF-SHA256", 2: "HKDF-SHA384", 3: "HKDF-SHA512"}[id] })
		c.named("AEAD", 2, func(id int) string {
			return map[int]string{1: "AES-128-GCM", 2: "AES-256-GCM", 3: "ChaCha20Poly1305"}[id]
		})
		c.number("config id", 1)
		c.opaque("encapsulated key", 2)
		c.opaque("payload", 2)
	case EncryptedExtensions:
		c.opaque("configurations to retry with", 2)
	case helloRetryRequest:
		c.bytes("confirmation", 8)
	default:
		c.rest("data")
	}
}

func divideServerName(c *cursor) {
	c.vector("names", 2, func(c *cursor) {
		for c.more() {
			c.named("kind", 1, func(id int) string { return map[int]string{0: "host_name"}[id] })
			c.vector("host", 2, func(c *cursor) { c.text("name", c.left()) })
		}
	})
}

// divideStatus: RFC 6066 section 8, RFC 8446 section 4.4.2.1.
func divideStatus(c *cursor, in int) {
	if in == CertificateRequest {
		c.rest("data")
		return
	}
	c.named("type", 1, func(kind int) string { return map[int]string{1: "OCSP"}[kind] })
	if in == Certificate {
		c.opaque("response", 3)
		return
	}
	c.opaque("responders", 2)
	c.opaque("extensions", 2)
}

// dividePSK: RFC 8446 section 4.2.11.
func dividePSK(c *cursor, hello bool) {
	if !hello {
		c.number("selected", 2)
		return
	}
	c.vector("identities", 2, func(c *cursor) {
		for c.more() {
			c.opaque("identity", 2)
			c.bytes("obfuscated age", 4)
		}
	})
	c.vector("binders", 2, func(c *cursor) {
		for c.more() {
			c.opaque("binder", 1)
		}
	})
}

// divideKeyShare: RFC 8446 section 4.2.8.
func divideKeyShare(c *cursor, in int) {
	share := func(c *cursor) {
		size := 0
		if c.left() >= 4 {
			size = 4 + uintOf(c.raw[c.at+2:c.at+4])
		}
		if size == 0 || size > c.left() {
			c.wrong("a key share is cut short")
			c.rest("cut short")
			return
		}
		c.group("share", size, func(c *cursor) {
			c.named("group", 2, groupName)
			c.opaque("public key", 2)
		})
	}
	switch in {
	case ClientHello:
		c.vector("shares", 2, func(c *cursor) {
			for c.more() {
				share(c)
			}
		})
	case helloRetryRequest:
		c.named("group", 2, groupName)
	default:
		share(c)
	}
}
