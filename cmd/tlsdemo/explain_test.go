package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tlsdemo/cmd/tlsdemo/internal/cli"
	"tlsdemo/tlsnet/phrases"
)

// Every code that a text can mean is explained, and has advice.
func TestExplainKnowsEveryCode(t *testing.T) {
	for _, code := range phrases.Codes() {
		if codeText(code) == "" {
			t.Errorf("%s is in no catalogue", code)
		}
		if advices[code] == (advice{}) {
			t.Errorf("%s has no advice", code)
		}
	}
	for code := range advices {
		if !slices.Contains(phrases.Codes(), code) {
			t.Errorf("there is advice on %s, which no text means", code)
		}
	}
}

// Every command that finds out can be typed.
func TestExplainCommands(t *testing.T) {
	for code, a := range advices {
		words := strings.Fields(a.try)
		if words[0] == "openssl" {
			continue
		}
		root := newRootCmd(&cli.Env{Now: time.Now})
		cmd, rest, err := root.Find(words[1:])
		if err != nil || cmd == root {
			t.Errorf("%s: %s: no such command: %v", code, a.try, err)
			continue
		}
		if err := cmd.ParseFlags(rest); err != nil {
			t.Errorf("%s: %s: %v", code, a.try, err)
		}
	}
}
