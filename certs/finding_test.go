package certs_test

import (
	"testing"

	"tlsdemo/certs"
)

func TestEveryCodeHasText(t *testing.T) {
	seen := map[certs.Code]bool{}
	for _, code := range certs.Codes() {
		if code.Text() == "" || seen[code] {
			t.Errorf("%s: text %q, seen %v", code, code.Text(), seen[code])
		}
		seen[code] = true
	}
	if len(seen) < 20 {
		t.Errorf("only %d codes", len(seen))
	}
}
