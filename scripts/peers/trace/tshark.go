package trace

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"tlsdemo/tlsnet/wire"
)

// node is a protocol or a field in PDML, as tshark writes it.
type node struct {
	Name  string `xml:"name,attr"`
	Show  string `xml:"show,attr"`
	Value string `xml:"value,attr"`
	Nodes []node `xml:",any"`
}

// find returns the first node of a name, at any depth, or nil.
func (n *node) find(name string) *node {
	if n.Name == name {
		return n
	}
	for i := range n.Nodes {
		if found := n.Nodes[i].find(name); found != nil {
			return found
		}
	}
	return nil
}

func (n *node) number() int {
	if n == nil {
		return 0
	}
	number, _ := strconv.Atoi(n.Show)
	return number
}

// theirFields are the fields of tshark that are compared, and what they are called in facts.
var theirFields = map[string]string{
	"tls.handshake.version":                                       "version",
	"tls.handshake.random":                                        "random",
	"tls.handshake.session_id":                                    "session id",
	"tls.handshake.ciphersuite":                                   "suite",
	"tls.handshake.comp_method":                                   "compression",
	"tls.handshake.extension.type":                                "extension",
	"tls.handshake.extension.len":                                 "extension length",
	"tls.handshake.extensions_server_name":                        "host",
	"tls.handshake.extensions_supported_group":                    "group",
	"tls.handshake.extensions_ec_point_format":                    "point format",
	"tls.handshake.sig_hash_alg":                                  "signature scheme",
	"tls.handshake.extensions_alps_alpn_str":                      "protocol",
	"tls.handshake.extensions_alpn_str":                           "protocol",
	"tls.handshake.extensions.supported_version":                  "supported version",
	"tls.handshake.extensions_key_share_group":                    "key share",
	"tls.handshake.extensions_key_share_selected_group":           "key share",
	"tls.handshake.extensions_key_share_key_exchange":             "public key",
	"tls.extension.psk_ke_mode":                                   "PSK mode",
	"tls.handshake.extensions.psk.identity.identity":              "PSK identity",
	"tls.handshake.extensions.psk.identity.obfuscated_ticket_age": "PSK age",
	"tls.handshake.extensions.psk.identity.selected":              "PSK selected",
	"tls.handshake.extensions.psk.binders_len":                    "binders length",
	"tls.handshake.certificate":                                   "certificate",
	"tls.handshake.dname_len":                                     "authority length",
	"tls.handshake.cert_type":                                     "certificate type",
	"tls.handshake.session_ticket_lifetime_hint":                  "lifetime",
	"tls.handshake.session_ticket_age_add":                        "age add",
	"tls.handshake.session_ticket_nonce":                          "nonce",
	"tls.handshake.session_ticket":                                "ticket",
	"tls.handshake.sig":                                           "signature",
	"tls.handshake.client_cert_vrfy.sig":                          "signature",
	"tls.handshake.server_named_curve":                            "curve",
	"tls.handshake.server_point":                                  "point",
	"tls.handshake.client_point":                                  "point",
	"tls.handshake.key_update.request_update":                     "update asked for",
	"tls.handshake.p":                                             "prime",
	"tls.handshake.g":                                             "generator",
	"tls.handshake.ys":                                            "point",
	"tls.handshake.yc":                                            "point",
	"tls.handshake.epms":                                          "encrypted secret",
	"tls.alert_message.level":                                     "level",
	"tls.alert_message.desc":                                      "description",
}

// theirs returns what tshark makes of a capture, by the clients' ports.
func theirs(ctx context.Context, file string, count int) (map[uint16]*account, error) {
	args := []string{"-r", file, "-T", "pdml", "-J", "tcp tls", "-2"}
	for i := range count {
		args = append(args, "-z", fmt.Sprintf("follow,tls,raw,%d", i))
	}
	cmd := exec.CommandContext(ctx, "tshark", args...)
	cmd.Env = append(os.Environ(), "HOME="+os.TempDir()) // with nobody's preferences
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("tshark: %w: %s", err, said.String())
	}
	pdml, follows, ok := bytes.Cut(out, []byte("</pdml>"))
	if !ok {
		return nil, fmt.Errorf("tshark has printed no PDML: %.200q", out)
	}
	accounts, ports, err := readPDML(append(pdml, "</pdml>"...))
	if err != nil {
		return nil, err
	}
	readFollows(follows, ports, accounts)
	return accounts, nil
}

// readPDML reads what is in the packets, and which client each stream has.
func readPDML(pdml []byte) (accounts map[uint16]*account, ports map[int]uint16, err error) {
	var doc struct {
		Packets []struct {
			Protos []node `xml:"proto"`
		} `xml:"packet"`
	}
	if err := xml.Unmarshal(pdml, &doc); err != nil {
		return nil, nil, err
	}
	accounts, ports = make(map[uint16]*account), make(map[int]uint16)
	for _, packet := range doc.Packets {
		var side wire.Side
		var port uint16
		for i := range packet.Protos {
			switch proto := &packet.Protos[i]; proto.Name {
			case "tcp":
				from, to := proto.find("tcp.srcport").number(), proto.find("tcp.dstport").number()
				side, port = wire.Client, uint16(from)
				if from == serverPort {
					side, port = wire.Server, uint16(to)
				}
				if accounts[port] == nil {
					accounts[port] = new(account)
				}
				ports[proto.find("tcp.stream").number()] = port
			case "tls":
				accounts[port].walk(side, proto, node{})
			}
		}
	}
	return accounts, ports, nil
}

// walk takes what a node holds.
func (a *account) walk(side wire.Side, n *node, parent node) {
	f := &a.sides[side]
	switch n.Name {
	case "tls.record":
		a.record(side, n)
	case "tls.handshake":
		if kind := n.find("tls.handshake.type"); kind != nil {
			f.say("message %d, %d bytes", kind.number(), 4+n.find("tls.handshake.length").number())
		}
	case "tls.alert_message":
		if n.find("tls.alert_message.desc") != nil {
			f.say("alert")
		}
	case "tls.change_cipher_spec":
		f.say("change cipher spec")
	}
	if name := theirFields[n.Name]; name != "" && len(n.Value) > 0 {
		f.say("  %s %s", name, n.Value)
	}
	if n.Name == "tls.handshake.certificate" || n.Name == "tls.handshake.dname" {
		return // what is in them is X.509
	}
	for i := range n.Nodes {
		a.walk(side, &n.Nodes[i], *n)
	}
}

func (a *account) record(side wire.Side, n *node) {
	kind := n.find("tls.record.opaque_type")
	if kind == nil {
		kind = n.find("tls.record.content_type")
	}
	a.sides[side].records = append(a.sides[side].records, fmt.Sprintf("record of type %d, %d bytes", kind.number(), n.find("tls.record.length").number()))
}

// readFollows reads the plaintext of the streams: after a header each, a line of hexadecimal
// digits a record. Those of the second node begin with a tab.
func readFollows(text []byte, ports map[int]uint16, accounts map[uint16]*account) {
	var a *account
	first := wire.Client
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		if number, ok := strings.CutPrefix(line, "Filter: tcp.stream eq "); ok {
			stream, _ := strconv.Atoi(number)
			a = accounts[ports[stream]]
			continue
		}
		if node, ok := strings.CutPrefix(line, "Node 0: "); ok {
			first = wire.Client
			if strings.HasSuffix(node, fmt.Sprintf(":%d", serverPort)) {
				first = wire.Server
			}
			continue
		}
		digits, second := strings.CutPrefix(line, "\t")
		side := first
		if second {
			side = first.Other()
		}
		if data, err := hex.DecodeString(digits); err == nil && a != nil && len(data) > 0 {
			a.sides[side].plain(data)
		}
	}
}
