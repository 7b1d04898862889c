package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sync"

	"github.com/BurntSushi/toml"

	"tlsdemo/certs/chain"
)

const (
	// maxDepth is how deep brackets may stand in brackets. Decoders of TOML and JSON call
	// themselves for each, and a policy has three.
	maxDepth = 64
	// maxDots is how many dots may stand between keys of TOML, as in a.b.c = 1. Each makes a
	// table in a table, and the decoder's time and memory are quadratic in their depth: 10,000
	// took a minute and a gigabyte. A policy has none.
	maxDots = 256
)

// quoted are the texts and comments of TOML, and the texts of JSON. A text of several lines
// may end with up to two quotation marks of its own.
var quoted = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`"""(?:\\(?s:.)|[^\\])*?"{3,5}|'''(?s:.)*?'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|#[^\n]*`)
})

// excessive returns the error for data that has more brackets or dots than a decoder should
// get, or nil. Texts and comments may have as many as they like.
func excessive(data []byte) *ParseError {
	depth, dots := 0, 0
	bare := quoted().ReplaceAllFunc(data, func(text []byte) []byte { return bytes.Repeat([]byte("\n"), bytes.Count(text, []byte("\n"))) })
	for at, c := range bare {
		switch c {
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(0, depth-1)
		case '.':
			dots++
		}
		switch {
		case depth > maxDepth:
			return &ParseError{Line: lineAt(bare, at), Err: fmt.Errorf("more than %d brackets in brackets", maxDepth)}
		case dots > maxDots:
			return &ParseError{Line: lineAt(bare, at), Err: fmt.Errorf("more than %d dots outside of quotation marks, and a policy needs none", maxDots)}
		}
	}
	return nil
}

func decodeTOML(data []byte) (map[string]any, *ParseError) {
	if wrong := excessive(data); wrong != nil {
		return nil, wrong
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

// decodeJSON also refuses a key that is there twice, of which encoding/json takes the last.
func decodeJSON(data []byte) (map[string]any, *ParseError) {
	if wrong := excessive(data); wrong != nil {
		return nil, wrong
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
