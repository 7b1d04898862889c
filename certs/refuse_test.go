package certs_test

import (
	"crypto/tls"
	"errors"
	"testing"

	"tlsdemo/certs"
)

func TestInTurn(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	asked := 0
	fails := func(err error) func(tls.ConnectionState) error {
		return func(tls.ConnectionState) error { asked++; return err }
	}
	if err := certs.InTurn(nil, fails(nil), fails(first), fails(second))(tls.ConnectionState{}); err != first || asked != 2 {
		t.Errorf("error %v after %d checks", err, asked)
	}
}
