package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/BurntSushi/toml"

	"tlsdemo/certs/chain"
)

// maxDepth is how deep brackets may stand in brackets. Decoders of TOML and JSON call
// themselves for each, and a policy has three.
const maxDepth = 64

var errTooDeep = fmt.Errorf("more than %d brackets in brackets", maxDepth)

func decodeTOML(data []byte) (map[string]any, *ParseError) {
	if line := tooDeep(data); line > 0 {
		return nil, &ParseError{Line: line, Err: errTooDeep}
	}
	tree := make(map[string]any)
	_, err := toml.NewDecoder(bytes.NewReader(data)).Decode(&tree)
	if wrong, ok := errors.AsType[toml.ParseError](err); ok {
		return nil, &ParseError{Line: wrong.Position.Line, Err: fmt.Errorf("this is not valid TOML: %s", chain.Short(wrong.Message))}
	}
	if err != nil {
		return nil, &ParseError{Err: fmt.Errorf("this is not valid TOML: %w", err)}
	}
	return tree, nil
}

// tooDeep returns the line in which brackets stand too deep, or 0. It also counts those in
// strings and comments, of which no policy has that many.
func tooDeep(data []byte) int {
	depth := 0
	for at, c := range data {
		switch c {
		case '[', '{':
			if depth++; depth > maxDepth {
				return lineAt(data, at)
			}
		case ']', '}':
			depth = max(0, depth-1)
		}
	}
	return 0
}

// decodeJSON also refuses a key that is there twice, of which encoding/json takes the last.
func decodeJSON(data []byte) (map[string]any, *ParseError) {
	if line := tooDeep(data); line > 0 {
		return nil, &ParseError{Line: line, Err: errTooDeep}
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	err := unique(decoder)
	if _, end := decoder.Token(); err == nil && end != io.EOF {
		err = errors.New("there is something behind it")
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF // in the middle of it
	}
	if err != nil {
		return nil, &ParseError{Line: lineAt(data, int(decoder.InputOffset())), Err: fmt.Errorf("this is not valid JSON: %w", err)}
	}
	var tree map[string]any
	if err := json.Unmarshal(data, &tree); err != nil {
		return nil, &ParseError{Err: fmt.Errorf("this is not valid JSON: %w", err)}
	}
	return tree, nil
}

// unique reads one value, and returns an error if an object in it has a key twice.
func unique(decoder *json.Decoder) error {
	token, err := decoder.Token()
	if err != nil {
		return err
	}
	open, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	seen := make(map[json.Token]bool)
	for decoder.More() {
		if open == '{' {
			name, err := decoder.Token()
			if err != nil {
				return err
			}
			if seen[name] {
				return fmt.Errorf("the key %s occurs twice", chain.List([]string{fmt.Sprint(name)}))
			}
			seen[name] = true
		}
		if err := unique(decoder); err != nil {
			return err
		}
	}
	_, err = decoder.Token()
	return err
}
