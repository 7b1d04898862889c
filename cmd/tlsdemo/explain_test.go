package main

import (
	"bytes"
	"context"
	"io"
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

// A log that grows has no end: whoever interrupts explain sees what it has counted so far, even
// if it waits for the next line.
func TestExplainInterrupted(t *testing.T) {
	const known = "remote error: tls: bad certificate\n"
	for _, args := range [][]string{{"explain"}, {"explain", "--json"}} {
		log, program := io.Pipe()
		var stdout, stderr bytes.Buffer
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := make(chan int)
		go func() {
			ended <- run(ctx, &cli.Env{Stdin: log, Stdout: &stdout, Stderr: &stderr, Now: time.Now}, args)
		}()
		for range 2 { // once the second line is taken, the first one has been read
			if _, err := io.WriteString(program, known); err != nil {
				t.Fatal(err)
			}
		}
		cancel(errInterrupted)
		if status := <-ended; status != cli.ExitUnexpected || stderr.String() != "tlsdemo: interrupted\n" {
			t.Errorf("%q: status %d: %s", args, status, &stderr)
		}
		if !strings.Contains(stdout.String(), "client-cert-refused") {
			t.Errorf("%q: %s", args, &stdout)
		}
		_ = program.Close()
	}
}
