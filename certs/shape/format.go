package shape

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Use is what a file is to be used for.
type Use int

// What files are used for.
const (
	Certificate Use = iota // an end's own certificate, with its intermediates
	Key                    // its private key
	Trust                  // the certificates of CAs
)

// Format is what a file is that is not PEM and not DER, in words: "a PKCS#12 file".
type Format struct {
	Name    string
	convert [Trust + 1]string // by use: a command of a POSIX shell, with {in} and {out}; empty if there is none
}

// Convert returns a command of a POSIX shell that makes PEM or DER of the file in, or "" if
// there is none. Both file names have to be quoted already.
func (f *Format) Convert(use Use, in, out string) string {
	return strings.NewReplacer("{in}", in, "{out}", out).Replace(f.convert[use])
}

// recognizers find out what data is, the surest first.
var recognizers = []func(data []byte) *Format{
	byMagic, textOf16Bits, pkcs12, pkcs7, literalLineEnds, kubernetes, encoded, byWords,
}

// Recognize says what data is, or returns nil if it is PEM, DER, or not known.
func Recognize(data []byte) *Format {
	for _, recognize := range recognizers {
		if format := recognize(data); format != nil {
			return format
		}
	}
	return nil
}

// OfBlock says what a block of PEM is that is not what its file should hold, or returns
// nil if there is nothing more to say than its label.
func OfBlock(block *Block) *Format {
	switch block.Type {
	case "PKCS7", "CMS", "PKCS #7 SIGNED DATA": // RFC 7468 sections 8 and 9
		return &Format{Name: "a PKCS#7 file", convert: certificatesOnly("openssl pkcs7 -in {in} -print_certs -out {out}")}
	case "OPENSSH PRIVATE KEY":
		return openSSHKey(block.Bytes)
	case "SSH2 PUBLIC KEY", "SSH2 ENCRYPTED PRIVATE KEY":
		return &Format{Name: "an SSH key"}
	}
	return nil
}

// openSSHKey: ssh-keygen writes Ed25519 keys in its own format only.
func openSSHKey(key []byte) *Format {
	if bytes.Contains(key, []byte("ssh-ed25519")) {
		return &Format{Name: "an OpenSSH private key of type Ed25519, which ssh-keygen cannot convert"}
	}
	f := &Format{Name: "an OpenSSH private key"}
	f.convert[Key] = "cp {in} {out} && ssh-keygen -p -N '' -m PEM -f {out}"
	return f
}

func certificatesOnly(command string) (convert [Trust + 1]string) {
	convert[Certificate], convert[Trust] = command, command
	return convert
}

func everything(command string) [Trust + 1]string { return [...]string{command, command, command} }

// readable is a command whose output may be a private key.
func readable(command string) [Trust + 1]string {
	return [...]string{Certificate: command, Key: "(umask 077; " + command + ")", Trust: command}
}

// magics are the first bytes of formats that are told by these.
var magics = []struct {
	bytes  string
	format Format
}{
	{"\xfe\xed\xfe\xed", javaKeystore("a Java keystore (JKS)")},
	{"\xce\xce\xce\xce", javaKeystore("a Java keystore (JCEKS)")},
	{"\x1f\x8b", Format{Name: "a gzip archive", convert: everything("gzip -dc {in} >{out}")}},
	{"PK\x03\x04", Format{Name: "a ZIP archive"}},
	{"SQLite format 3\x00", Format{Name: "an SQLite database, such as cert9.db of NSS"}},
	{"PuTTY-User-Key-File-", Format{Name: "a private key of PuTTY"}},
	{"ssh-", Format{Name: "an SSH public key"}},
	{"ecdsa-sha2-", Format{Name: "an SSH public key"}},
	{"version https://git-lfs.github.com/", Format{Name: "a pointer of Git LFS, not the file itself"}},
}

func javaKeystore(name string) Format {
	f := Format{Name: name, convert: certificatesOnly("keytool -list -rfc -keystore {in} >{out}")}
	f.convert[Key] = "keytool -importkeystore -srckeystore {in} -destkeystore {out}.p12 -deststoretype pkcs12 && openssl pkcs12 -in {out}.p12 -nocerts -nodes -out {out}"
	return f
}

func byMagic(data []byte) *Format {
	for _, m := range magics {
		if bytes.HasPrefix(data, []byte(m.bytes)) {
			return &m.format
		}
	}
	return nil
}

// textOf16Bits recognizes UTF-16 by its byte order mark, or by the zeros of what is ASCII.
func textOf16Bits(data []byte) *Format {
	from := "UTF-16"
	switch {
	case len(data) < 4:
		return nil
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}), bytes.HasPrefix(data, []byte{0xfe, 0xff}):
	case data[0] != 0 && data[1] == 0 && data[2] != 0 && data[3] == 0:
		from = "UTF-16LE"
	case data[0] == 0 && data[1] != 0 && data[2] == 0 && data[3] != 0:
		from = "UTF-16BE"
	default:
		return nil
	}
	return &Format{Name: "text in UTF-16, as Windows PowerShell writes it", convert: readable("iconv -f " + from + " -t UTF-8 {in} >{out}")}
}

// pkcs12 recognizes the PFX of RFC 7292 section 4: a version of 3, and a ContentInfo.
func pkcs12(data []byte) *Format {
	pfx := cryptobyte.String(data)
	var body, content cryptobyte.String
	var version int
	if !pfx.ReadASN1(&body, asn1.SEQUENCE) || !body.ReadASN1Integer(&version) || version != 3 || !body.ReadASN1(&content, asn1.SEQUENCE) || !content.PeekASN1Tag(asn1.OBJECT_IDENTIFIER) {
		return nil
	}
	return &Format{Name: "a PKCS#12 file", convert: [...]string{
		Certificate: "openssl pkcs12 -in {in} -nokeys -out {out}",
		Key:         "openssl pkcs12 -in {in} -nocerts -nodes -out {out}",
		Trust:       "openssl pkcs12 -in {in} -nokeys -out {out}",
	}}
}

// signedData is id-signedData, RFC 5652 section 5.1, in DER.
var signedData, _ = hex.DecodeString("06092a864886f70d010702")

func pkcs7(data []byte) *Format {
	info := cryptobyte.String(data)
	var body, kind cryptobyte.String
	if !info.ReadASN1(&body, asn1.SEQUENCE) || !body.ReadASN1Element(&kind, asn1.OBJECT_IDENTIFIER) || !bytes.Equal(kind, signedData) {
		return nil
	}
	return &Format{Name: "a PKCS#7 file", convert: certificatesOnly("openssl pkcs7 -inform DER -in {in} -print_certs -out {out}")}
}

// literalLineEnds recognizes PEM in which every line end has become a backslash and an n.
func literalLineEnds(data []byte) *Format {
	if !bytes.Contains(data, []byte(hyphens+`\n`)) && !bytes.Contains(data, []byte(hyphens+`\r\n`)) {
		return nil
	}
	return &Format{Name: `PEM in which \n is written in the place of each line end`, convert: readable(`awk '{gsub(/\\r/,""); gsub(/\\n/,"\n")} 1' {in} >{out}`)}
}

var (
	secretForm = lazy(`(?m)^kind: *"?Secret"?\s*$`)
	configForm = lazy(`(?m)^kind: *"?Config"?\s*$`)
	jsonSecret = lazy(`"kind": *"Secret"`)
	yamlField  = lazy(`(?m)^\s+([-._A-Za-z0-9]+): *"?[A-Za-z0-9+/]{40,}=*"?\s*$`)
	jsonField  = lazy(`"([-._A-Za-z0-9]+)": *"[A-Za-z0-9+/]{40,}=*"`)
)

// kubernetes recognizes a Secret as kubectl prints it, and a kubeconfig: base64 in fields.
func kubernetes(data []byte) *Format {
	switch {
	case jsonSecret().Match(data):
		return fields("a Kubernetes Secret in JSON", jsonField(), data, `jq -r '.data["FIELD"]' {in} | openssl base64 -d -A -out {out}`)
	case secretForm().Match(data):
		return fields("a Kubernetes Secret in YAML", yamlField(), data, yamlCommand)
	case configForm().Match(data) && bytes.Contains(data, []byte("clusters:")):
		return fields("a kubeconfig", yamlField(), data, yamlCommand)
	}
	return nil
}

const yamlCommand = `awk '$1=="FIELD:"{gsub(/"/,"",$2); print $2; exit}' {in} | openssl base64 -d -A -out {out}`

// fieldsOf are the fields that have what is wanted, the likeliest first.
var fieldsOf = [...][]string{
	Certificate: {"tls.crt", "client-certificate-data"},
	Key:         {"tls.key", "client-key-data"},
	Trust:       {"ca.crt", "certificate-authority-data", "tls.crt"},
}

func fields(name string, form *regexp.Regexp, data []byte, command string) *Format {
	has := make(map[string]bool)
	for _, match := range form.FindAllSubmatch(data, -1) {
		has[string(match[1])] = true
	}
	f := &Format{Name: name}
	for use, names := range fieldsOf {
		for _, field := range names {
			if has[field] && f.convert[use] == "" {
				f.convert[use] = strings.ReplaceAll(command, "FIELD", field)
			}
		}
	}
	return f
}

// encoded recognizes base64 of PEM, as a field of a Secret has it, and of DER, which is PEM
// without BEGIN and END.
func encoded(data []byte) *Format {
	text := bytes.TrimSpace(data)
	packed := bytes.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == ' ' {
			return -1
		}
		return r
	}, text)
	plain, err := base64.StdEncoding.DecodeString(string(packed))
	if err != nil || len(plain) < 32 {
		return nil
	}
	command := "openssl base64 -d -in {in} -out {out}"
	if !bytes.Contains(text, []byte("\n")) {
		command = "openssl base64 -d -A -in {in} -out {out}"
	}
	switch {
	case bytes.Contains(plain, []byte(hyphens+"BEGIN ")):
		return &Format{Name: "a PEM file that was encoded in base64 once more", convert: everything(command)}
	case isSequence(plain):
		return &Format{Name: "base64 without the lines BEGIN and END", convert: everything(command)}
	}
	return nil
}

// isSequence reports whether data is one SEQUENCE of DER.
func isSequence(data []byte) bool {
	s := cryptobyte.String(data)
	var body cryptobyte.String
	return s.ReadASN1(&body, asn1.SEQUENCE) && s.Empty() && len(body) > 0
}

var (
	htmlForm = lazy(`(?i)^\s*(<!doctype html|<html|<\?xml[^>]*>\s*<!doctype html)`)
	textForm = lazy(`(?m)^Certificate:\r?\n +Data:\r?$`)
	jwkForm  = lazy(`"kty": *"`)
)

func byWords(data []byte) *Format {
	data = bytes.TrimPrefix(data, []byte(byteOrderMark))
	switch {
	case htmlForm().Match(data[:min(len(data), 1024)]):
		return &Format{Name: "an HTML page: the download did not return the file itself"}
	case textForm().Match(data):
		return &Format{Name: "the text of a certificate, as openssl prints it, without the certificate itself"}
	case jwkForm().Match(data):
		return &Format{Name: "a JSON Web Key"}
	}
	return nil
}
