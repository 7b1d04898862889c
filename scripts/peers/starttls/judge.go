package starttls

import (
	"errors"
	"fmt"
	"strings"

	"tlsdemo/tlsnet/explain"
)

// seen is the part of an object of --json that is judged.
type seen struct {
	Version  string `json:"tls_version"`
	Chain    []struct{ Subject, PEM string }
	Verified bool
	Asked    bool `json:"asks_for_client_certificate"`
	Accepted string
	Faults   []struct {
		Code explain.Code
		Hint string
	}
}

// sound is a server with which TLS began, and of which everything is known but what its login
// decides.
func (s *seen) sound(protocol string) error {
	switch {
	case len(s.Faults) > 0:
		return fmt.Errorf("with a certificate it finds %s", s.Faults[0].Code)
	case !strings.HasPrefix(s.Version, "TLS 1."):
		return fmt.Errorf("it says that the version is %q", s.Version)
	case len(s.Chain) == 0 || s.Chain[0].Subject != "CN=server" || !strings.HasPrefix(s.Chain[0].PEM, "-----BEGIN CERTIFICATE-----"):
		return fmt.Errorf("it shows the chain %+v", s.Chain)
	case !s.Verified || !s.Asked:
		return fmt.Errorf("verified: %v, asks for a client certificate: %v", s.Verified, s.Asked)
	}
	return s.open(protocol)
}

// open is a server that completed the handshake, of which it is said who can still refuse us.
func (s *seen) open(protocol string) error {
	if !strings.HasPrefix(s.Accepted, "likely: ") || !strings.Contains(s.Accepted, "login of its own protocol ("+protocol+")") {
		return fmt.Errorf("accepted: %q", s.Accepted)
	}
	return nil
}

// found wants one fault, of a code.
func (s *seen) found(code explain.Code) error {
	if len(s.Faults) != 1 || s.Faults[0].Code != code {
		return fmt.Errorf("it finds %+v instead of %s", s.Faults, code)
	}
	return nil
}

// readable is the table for people: nobody is told to do what cannot be done.
func readable(table, protocol string) error {
	for _, want := range []string{"\nTLS       TLS 1.", "\nchain 1   CN=server ", "\nasks for  a client certificate ", "\naccepted  likely: ", "(" + protocol + ")"} {
		if !strings.Contains(table, want) {
			return fmt.Errorf("it does not print %q", want)
		}
	}
	if strings.Contains(table, "--http") {
		return errors.New("it suggests HTTP, which is not spoken there")
	}
	return nil
}

func expectStatus(how string, got, want int) error {
	if got != want {
		return fmt.Errorf("%s it exits with %d instead of %d", how, got, want)
	}
	return nil
}
