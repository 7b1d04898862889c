//go:build !unix

package systemd

import "errors"

func ownerOf(string) (string, error) { return "", errors.New("there is no systemd on this system") }
