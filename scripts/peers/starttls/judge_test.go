package starttls

import (
	"encoding/json"
	"strings"
	"testing"

	"tlsdemo/tlsnet/explain"
)

const soundJSON = `{"tls_version":"TLS 1.3","chain":[{"subject":"CN=server","pem":"-----BEGIN CERTIFICATE-----\n"}],"verified":true,` +
	`"asks_for_client_certificate":true,"accepted":"likely: at the login of its own protocol (imap)"}`

func read(t *testing.T, text string) *seen {
	t.Helper()
	s := new(seen)
	if err := json.Unmarshal([]byte(text), s); err != nil {
		t.Fatal(err)
	}
	return s
}

// Whatever a look does not say fails it.
func TestSound(t *testing.T) {
	if err := read(t, soundJSON).sound("imap"); err != nil {
		t.Error(err)
	}
	for said, instead := range map[string]string{
		`"TLS 1.3"`:   `""`,
		"CN=server":   "CN=other",
		"-----BEGIN":  "",
		`ied":true`:   `ied":false`,
		`cate":true`:  `cate":false`,
		"likely: ":    "not known: ",
		"(imap)":      "(smtp)",
		`"accepted"`:  `"faults":[{"code":"peer-silent"}],"accepted"`,
		`[{"subject"`: `[],"_":[{"subject"`,
	} {
		text := strings.Replace(soundJSON, said, instead, 1)
		if err := read(t, text).sound("imap"); err == nil {
			t.Errorf("with %q instead of %q it passes", instead, said)
		}
	}
}

func TestFound(t *testing.T) {
	one := read(t, `{"faults":[{"code":"peer-wants-starttls"}]}`)
	if err := one.found(explain.PeerWantsStartTLS); err != nil {
		t.Error(err)
	}
	if one.found(explain.PeerSilent) == nil || new(seen).found(explain.PeerSilent) == nil {
		t.Error("another code passes, or none")
	}
}

func TestReadable(t *testing.T) {
	table := "name\nTLS       TLS 1.3, X\nchain 1   CN=server for\nasks for  a client certificate of\naccepted  likely: at the login (imap)\n"
	if err := readable(table, "imap"); err != nil {
		t.Error(err)
	}
	if readable(table, "smtp") == nil || readable(table+"try --http\n", "imap") == nil {
		t.Error("another protocol passes, or --http")
	}
}
