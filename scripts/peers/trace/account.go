package trace

import (
	"fmt"
	"slices"
	"strings"

	"tlsdemo/tlsnet/wire"
)

// account is what somebody makes of a connection: two of them can be compared.
type account struct{ sides [2]facts }

// facts are what somebody makes of what one side sends.
type facts struct {
	records []string // as they are on the wire
	said    []string // messages, each followed by its fields
	data    []int    // the lengths of the plaintexts
	total   int      // of the plaintexts, in bytes
}

func (f *facts) say(format string, args ...any) {
	f.said = append(f.said, fmt.Sprintf(format, args...))
}

func (f *facts) plain(data []byte) {
	f.data = append(f.data, len(data))
	f.total += len(data)
}

// ourFields are the fields of tlsnet/wire that are compared, by the end of the path to them, and
// what they are called in facts.
var ourFields = map[string]string{
	"legacy version":              "version",
	"random":                      "random",
	"session id/session id":       "session id",
	"cipher suite":                "suite",
	"compression method":          "compression",
	"method":                      "compression",
	"host/name":                   "host",
	"groups/group":                "group",
	"format":                      "point format",
	"signature scheme":            "signature scheme",
	"protocol/name":               "protocol",
	"version":                     "supported version",
	"share/group":                 "key share",
	"key_share/group":             "key share",
	"share/public key/public key": "public key",
	"mode":                        "PSK mode",
	"identity/identity":           "PSK identity",
	"obfuscated age":              "PSK age",
	"selected":                    "PSK selected",
	"binders/length":              "binders length",
	"certificate/DER":             "certificate",
	"authority/length":            "authority length",
	"certificate types/type":      "certificate type",
	"lifetime in seconds":         "lifetime",
	"age add":                     "age add",
	"nonce/nonce":                 "nonce",
	"ticket/ticket":               "ticket",
	"signature/signature":         "signature",
	"p/p":                         "prime",
	"g/g":                         "generator",
	"encrypted premaster secret/encrypted premaster secret": "encrypted secret",
	"request":     "update asked for",
	"level":       "level",
	"description": "description",
}

// nameAt is what the field at the end of a path, and at an index in its parent, is called in
// facts, or "".
func nameAt(path []string, index int) string {
	if n := len(path); n > 2 && path[n-3] == "extensions" && index < 2 {
		return [...]string{"extension", "extension length"}[index]
	}
	if slices.Contains(path, "application_settings") {
		return "" // tshark 4.0 does not know that number
	}
	for from := max(0, len(path)-3); from < len(path); from++ {
		if name := ourFields[strings.Join(path[from:], "/")]; name != "" {
			return name
		}
	}
	return map[string]string{"group": "curve", "public key/public key": "point"}[strings.Join(path, "/")]
}

// mine returns what tlsnet/wire makes of a connection.
func mine(c *wire.Conversation) *account {
	a := new(account)
	for _, r := range c.Records {
		f := &a.sides[r.From]
		f.records = append(f.records, fmt.Sprintf("record of type %d, %d bytes", r.Type, r.Length))
		if !r.Closed && r.Inside == 23 && r.Plain > 0 {
			f.data = append(f.data, r.Plain)
			f.total += r.Plain
		}
	}
	for i := range c.Messages {
		m := &c.Messages[i]
		a.sides[m.From].message(m)
	}
	return a
}

func (f *facts) message(m *wire.Message) {
	switch m.Content {
	case wire.Handshake:
		f.say("message %d, %d bytes", m.Type, m.Size)
	case wire.Alert:
		f.say("alert")
	case wire.ChangeCipherSpec:
		f.say("change cipher spec")
	}
	for i := range m.Fields {
		f.field(m, &m.Fields[i], nil, i)
	}
}

func (f *facts) field(m *wire.Message, field *wire.Field, parents []string, index int) {
	path := append(slices.Clone(parents), field.Name)
	if len(field.Fields) == 0 {
		if name := nameAt(path, index); name != "" && field.Length > 0 {
			f.say("  %s %x", name, m.Bytes(field))
		}
		return
	}
	for i := range field.Fields {
		f.field(m, &field.Fields[i], path, i)
	}
}
