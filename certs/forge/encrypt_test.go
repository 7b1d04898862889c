package forge_test

import (
	"bytes"
	"os/exec"
	"testing"

	"tlsdemo/certs"
	"tlsdemo/certs/forge"
)

// openssl opens the key with its passphrase, and with no other.
func TestEncryptedKey(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip(err)
	}
	f := &forge.Forge{Now: now}
	pair := f.Authority(certs.Request{})
	locked := f.EncryptedKey(pair, "open, sesame")
	if f.Err() != nil {
		t.Fatal(f.Err())
	}
	want, err := pair.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	for passphrase, opens := range map[string]bool{"open, sesame": true, "something else": false} {
		cmd := exec.CommandContext(t.Context(), openssl, "pkey", "-passin", "pass:"+passphrase)
		cmd.Stdin = bytes.NewReader(locked)
		if got, err := cmd.Output(); opens != (err == nil && bytes.Equal(got, want)) {
			t.Errorf("%q: %v, %s", passphrase, err, got)
		}
	}
}
