package policy

import (
	"bytes"
	"errors"
	"fmt"

	"tlsdemo/certs"
)

// maxFile is the most that a policy file may have, in bytes.
const maxFile = 1 << 20

// Load reads a policy file, as the package's documentation describes it. The error is a
// [*certs.Finding] that names the file.
func Load(file string) (*Policy, error) {
	data, err := certs.ReadFile(file)
	if err == nil && len(data) > maxFile {
		err = errors.New("larger than 1 MiB")
	}
	if err != nil {
		return nil, certs.Unreadable(certs.PolicyUnreadable, file, err)
	}
	p, err := Parse(data)
	if err != nil {
		return nil, &certs.Finding{Code: certs.PolicyUnparsable, File: file, Text: err.Error(), Err: err}
	}
	return p, nil
}

// ParseError is what is wrong with a policy file.
type ParseError struct {
	Line int // from 1, or 0 if it is not known
	Err  error
}

func (e *ParseError) Error() string {
	if e.Line == 0 {
		return e.Err.Error()
	}
	return fmt.Sprintf("line %d: %v", e.Line, e.Err)
}

func (e *ParseError) Unwrap() error { return e.Err }

// Parse reads a policy: JSON if it begins with a brace, with which no TOML does, and else
// TOML. The error is a [*ParseError].
func Parse(data []byte) (*Policy, error) {
	if at := invalidUTF8(data); at >= 0 {
		return nil, &ParseError{Line: lineAt(data, at), Err: errors.New("it is not text in UTF-8")}
	}
	decode := decodeTOML
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		decode = decodeJSON
	}
	tree, wrong := decode(data)
	if wrong != nil {
		return nil, wrong
	}
	p, err := interpret(tree)
	if err != nil {
		return nil, &ParseError{Line: lineOf(data, err), Err: err}
	}
	return p, nil
}
