package wire

import (
	"crypto/tls"
	"fmt"
	"strings"
)

// recordVersion is the first byte of a record's version, whatever that is: RFC 8446 section 5.1.
const recordVersion = 3

// The types of records: RFC 8446 section 5.1, heartbeat RFC 6520.
const (
	typeChangeCipherSpec = 20
	typeAlert            = 21
	typeHandshake        = 22
	typeApplicationData  = 23
	typeHeartbeat        = 24
)

// The types of handshake messages: RFC 8446 section 4, RFC 5246 section 7.4, RFC 6066 section 8,
// RFC 8879 section 7.1. A HelloRetryRequest has that of a ServerHello.
const (
	HelloRequest          = 0
	ClientHello           = 1
	ServerHello           = 2
	NewSessionTicket      = 4
	EndOfEarlyData        = 5
	EncryptedExtensions   = 8
	Certificate           = 11
	ServerKeyExchange     = 12
	CertificateRequest    = 13
	ServerHelloDone       = 14
	CertificateVerify     = 15
	ClientKeyExchange     = 16
	Finished              = 20
	CertificateStatus     = 22
	KeyUpdate             = 24
	CompressedCertificate = 25
	NextProtocol          = 67
	messageHash           = 254
)

var messageNames = map[int]string{
	HelloRequest: "HelloRequest", ClientHello: "ClientHello", ServerHello: "ServerHello", 3: "HelloVerifyRequest",
	NewSessionTicket: "NewSessionTicket", EndOfEarlyData: "EndOfEarlyData", 6: "HelloRetryRequest (draft)",
	EncryptedExtensions: "EncryptedExtensions", Certificate: "Certificate", ServerKeyExchange: "ServerKeyExchange",
	CertificateRequest: "CertificateRequest", ServerHelloDone: "ServerHelloDone", CertificateVerify: "CertificateVerify",
	ClientKeyExchange: "ClientKeyExchange", Finished: "Finished", 21: "CertificateURL", CertificateStatus: "CertificateStatus",
	23: "SupplementalData", KeyUpdate: "KeyUpdate", CompressedCertificate: "CompressedCertificate", NextProtocol: "NextProtocol",
}

// recordName is what a record of a type carries.
func recordName(of int) string {
	switch of {
	case typeChangeCipherSpec:
		return "ChangeCipherSpec"
	case typeAlert:
		return "Alert"
	case typeHandshake:
		return "Handshake"
	case typeApplicationData:
		return "ApplicationData"
	case typeHeartbeat:
		return "Heartbeat"
	}
	return fmt.Sprintf("record of type %d", of)
}

// messageName is what a handshake message is called.
func messageName(kind int) string {
	if name := messageNames[kind]; name != "" {
		return name
	}
	return fmt.Sprintf("handshake message %d", kind)
}

func versionName(version int) string {
	switch {
	case version == 0x0200:
		return "SSL 2.0"
	case version == 0x0300:
		return "SSL 3.0"
	case version > 0x0300 && version <= 0x0304:
		return fmt.Sprintf("TLS 1.%d", version-0x0301)
	case isGREASE(version):
		return grease
	case version>>8 == 0x7f:
		return fmt.Sprintf("TLS 1.3 draft %d", version&0xff)
	}
	return ""
}

// grease is what the values are called that clients offer so that servers get used to what
// they do not know: RFC 8701.
const grease = "GREASE"

func isGREASE(value int) bool { return value&0x0f0f == 0x0a0a && value>>8 == value&0xff }

// The extensions: https://www.iana.org/assignments/tls-extensiontype-values.
const (
	extServerName             = 0
	extMaxFragmentLength      = 1
	extStatusRequest          = 5
	extSupportedGroups        = 10
	extPointFormats           = 11
	extSignatureAlgorithms    = 13
	extALPN                   = 16
	extSCT                    = 18
	extClientCertificateType  = 19
	extServerCertificateType  = 20
	extPadding                = 21
	extEncryptThenMAC         = 22
	extCompressCertificate    = 27
	extRecordSizeLimit        = 28
	extDelegatedCredentials   = 34
	extSessionTicket          = 35
	extPreSharedKey           = 41
	extEarlyData              = 42
	extSupportedVersions      = 43
	extCookie                 = 44
	extPSKModes               = 45
	extAuthorities            = 47
	extOIDFilters             = 48
	extPostHandshakeAuth      = 49
	extSignatureAlgsCert      = 50
	extKeyShare               = 51
	extTicketRequest          = 58
	extApplicationSettingsOld = 17513
	extApplicationSettings    = 17613
	extECH                    = 0xfe0d
	extRenegotiationInfo      = 0xff01
)

// extension is what one is called, and what it is for.
type extension struct{ name, use string }

var extensions = map[int]extension{
	extServerName:             {"server_name", "the host that the client wants"},
	extMaxFragmentLength:      {"max_fragment_length", "the largest record that the client takes"},
	4:                         {"truncated_hmac", "shorter checksums"},
	extStatusRequest:          {"status_request", "asks for a stapled OCSP response"},
	8:                         {"client_authz", ""},
	extSupportedGroups:        {"supported_groups", "for the exchange of keys"},
	extPointFormats:           {"ec_point_formats", "how points of curves are written"},
	12:                        {"srp", "a password instead of a certificate"},
	extSignatureAlgorithms:    {"signature_algorithms", "the signatures that this end accepts"},
	14:                        {"use_srtp", "keys for SRTP"},
	15:                        {"heartbeat", ""},
	extALPN:                   {"application_layer_protocol_negotiation", "what is to be spoken over TLS"},
	17:                        {"status_request_v2", "asks for stapled OCSP responses"},
	extSCT:                    {"signed_certificate_timestamp", "proofs of certificate transparency"},
	extClientCertificateType:  {"client_certificate_type", "raw keys instead of certificates, of the client"},
	extServerCertificateType:  {"server_certificate_type", "raw keys instead of certificates, of the server"},
	extPadding:                {"padding", "fills the message up"},
	extEncryptThenMAC:         {"encrypt_then_mac", "the safe order in CBC suites"},
	23:                        {"extended_master_secret", "ties the keys to this handshake"},
	24:                        {"token_binding", ""},
	extCompressCertificate:    {"compress_certificate", "how a certificate may be compressed"},
	extRecordSizeLimit:        {"record_size_limit", "the largest record that this end takes"},
	extDelegatedCredentials:   {"delegated_credentials", "short-lived keys that a certificate vouches for"},
	extSessionTicket:          {"session_ticket", "to resume a session of TLS 1.2"},
	extPreSharedKey:           {"pre_shared_key", "to resume a session, or a key that both have"},
	extEarlyData:              {"early_data", "data that go before the handshake has ended"},
	extSupportedVersions:      {"supported_versions", "the versions of TLS, best first"},
	extCookie:                 {"cookie", "to be sent back"},
	extPSKModes:               {"psk_key_exchange_modes", "how a session may be resumed"},
	extAuthorities:            {"certificate_authorities", "the CAs that this end accepts"},
	extOIDFilters:             {"oid_filters", "what else the certificate has to have"},
	extPostHandshakeAuth:      {"post_handshake_auth", "the client can be asked for a certificate later"},
	extSignatureAlgsCert:      {"signature_algorithms_cert", "the signatures in certificates that this end accepts"},
	extKeyShare:               {"key_share", "this end's half of the key exchange"},
	52:                        {"transparency_info", ""},
	57:                        {"quic_transport_parameters", ""},
	extTicketRequest:          {"ticket_request", "how many tickets the client wants"},
	13172:                     {"next_protocol_negotiation", "what came before ALPN"},
	extApplicationSettingsOld: {"application_settings (old)", ""},
	extApplicationSettings:    {"application_settings", "settings of HTTP/2, earlier"},
	0xca34:                    {"trust_anchors", "the CAs that the client knows, by number"},
	extECH:                    {"encrypted_client_hello", "the real hello, encrypted, or something that looks like it"},
	0xfd00:                    {"ech_outer_extensions", ""},
	extRenegotiationInfo:      {"renegotiation_info", "binds a handshake to the one before it"},
}

func extensionName(kind int) string {
	if isGREASE(kind) {
		return grease
	}
	return extensions[kind].name
}

func groupName(id int) string {
	if name := otherGroups[id]; name != "" {
		return name
	}
	if isGREASE(id) {
		return grease
	}
	return known(tls.CurveID(id).String(), "CurveID(")
}

// otherGroups are those that crypto/tls does not know, and those that it calls otherwise than
// https://www.iana.org/assignments/tls-parameters does.
var otherGroups = map[int]string{
	19: "secp192r1", 21: "secp224r1", 22: "secp256k1", 23: "secp256r1", 24: "secp384r1", 25: "secp521r1",
	26: "brainpoolP256r1", 27: "brainpoolP384r1", 28: "brainpoolP512r1", 29: "x25519", 30: "x448",
	31: "brainpoolP256r1tls13", 32: "brainpoolP384r1tls13", 33: "brainpoolP512r1tls13", 41: "curveSM2",
	256: "ffdhe2048", 257: "ffdhe3072", 258: "ffdhe4096", 259: "ffdhe6144", 260: "ffdhe8192",
	512: "MLKEM512", 513: "MLKEM768", 514: "MLKEM1024",
	4587: "SecP256r1MLKEM768", 4588: "X25519MLKEM768", 4589: "SecP384r1MLKEM1024", 0x6399: "X25519Kyber768Draft00",
}

// known is a name that crypto/tls gives, or nothing if it gives only a number.
func known(name, unknown string) string {
	if strings.HasPrefix(name, unknown) {
		return ""
	}
	return name
}

// schemes are signatures: RFC 8446 section 4.2.3, and in TLS 1.2 pairs of a hash and a key,
// RFC 5246 section 7.4.1.4.1.
var schemes = map[int]string{
	0x0201: "rsa_pkcs1_sha1", 0x0203: "ecdsa_sha1", 0x0202: "dsa_sha1",
	0x0301: "rsa_pkcs1_sha224", 0x0303: "ecdsa_sha224", 0x0302: "dsa_sha224",
	0x0401: "rsa_pkcs1_sha256", 0x0403: "ecdsa_secp256r1_sha256", 0x0402: "dsa_sha256",
	0x0501: "rsa_pkcs1_sha384", 0x0503: "ecdsa_secp384r1_sha384", 0x0502: "dsa_sha384",
	0x0601: "rsa_pkcs1_sha512", 0x0603: "ecdsa_secp521r1_sha512", 0x0602: "dsa_sha512",
	0x0708: "sm2sig_sm3",
	0x0804: "rsa_pss_rsae_sha256", 0x0805: "rsa_pss_rsae_sha384", 0x0806: "rsa_pss_rsae_sha512",
	0x0807: "ed25519", 0x0808: "ed448",
	0x0809: "rsa_pss_pss_sha256", 0x080a: "rsa_pss_pss_sha384", 0x080b: "rsa_pss_pss_sha512",
	0x081a: "ecdsa_brainpoolP256r1tls13_sha256", 0x081b: "ecdsa_brainpoolP384r1tls13_sha384", 0x081c: "ecdsa_brainpoolP512r1tls13_sha512",
	0x0904: "mldsa44", 0x0905: "mldsa65", 0x0906: "mldsa87", 0x0101: "rsa_md5",
}

func schemeName(id int) string {
	if isGREASE(id) {
		return grease
	}
	return schemes[id]
}

// The alerts that tell why a handshake fails, and close_notify: RFC 8446 section 6, RFC 5246
// section 7.2, RFC 6066 section 9, RFC 7301 section 3.2.
const (
	AlertCloseNotify            tls.AlertError = 0
	AlertHandshakeFailure       tls.AlertError = 40
	AlertNoCertificate          tls.AlertError = 41
	AlertBadCertificate         tls.AlertError = 42
	AlertUnsupportedCertificate tls.AlertError = 43
	AlertCertificateRevoked     tls.AlertError = 44
	AlertCertificateExpired     tls.AlertError = 45
	AlertCertificateUnknown     tls.AlertError = 46
	AlertUnknownCA              tls.AlertError = 48
	AlertAccessDenied           tls.AlertError = 49
	AlertProtocolVersion        tls.AlertError = 70
	AlertInsufficientSecurity   tls.AlertError = 71
	AlertInternalError          tls.AlertError = 80
	AlertNoRenegotiation        tls.AlertError = 100
	AlertUnrecognizedName       tls.AlertError = 112
	AlertCertificateRequired    tls.AlertError = 116
	AlertNoApplicationProtocol  tls.AlertError = 120
)

// alertNames are those of https://www.iana.org/assignments/tls-parameters, and of alerts that
// are no longer sent.
var alertNames = map[tls.AlertError]string{
	AlertCloseNotify: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 21: "decryption_failed",
	22: "record_overflow", 30: "decompression_failure", AlertHandshakeFailure: "handshake_failure",
	AlertNoCertificate: "no_certificate", AlertBadCertificate: "bad_certificate",
	AlertUnsupportedCertificate: "unsupported_certificate", AlertCertificateRevoked: "certificate_revoked",
	AlertCertificateExpired: "certificate_expired", AlertCertificateUnknown: "certificate_unknown",
	47: "illegal_parameter", AlertUnknownCA: "unknown_ca", AlertAccessDenied: "access_denied", 50: "decode_error",
	51: "decrypt_error", 52: "too_many_cids_requested", 60: "export_restriction",
	AlertProtocolVersion: "protocol_version", AlertInsufficientSecurity: "insufficient_security",
	AlertInternalError: "internal_error", 86: "inappropriate_fallback", 90: "user_canceled",
	AlertNoRenegotiation: "no_renegotiation", 109: "missing_extension", 110: "unsupported_extension",
	111: "certificate_unobtainable", AlertUnrecognizedName: "unrecognized_name",
	113: "bad_certificate_status_response", 114: "bad_certificate_hash_value", 115: "unknown_psk_identity",
	AlertCertificateRequired: "certificate_required", 117: "general_error",
	AlertNoApplicationProtocol: "no_application_protocol", 121: "ech_required",
}

func alertName(id int) string { return alertNames[tls.AlertError(id)] }

// The levels of alerts: RFC 8446 section 6.
const levelWarning, levelFatal = 1, 2

func levelName(level int) string {
	switch level {
	case levelWarning:
		return "warning"
	case levelFatal:
		return "fatal"
	}
	return ""
}
