package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"

	"github.com/rogpeppe/go-internal/testscript"
)

func fetch(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: fetch URL")
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	resp, err := client.Get(args[0])
	if neg != (err != nil) {
		ts.Fatalf("fetch: %v", err)
	}
	if err != nil {
		return
	}
	defer resp.Body.Close()
	fmt.Fprintf(ts.Stdout(), "%s %s\n", resp.Proto, resp.Status)
	ts.Check(resp.Header.Write(ts.Stdout()))
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "\n%s\n", body)
}

// logged is for what a program says only in its log.
func logged(ts *testscript.TestScript, neg bool, args []string) {
	takes(ts, neg, args, 3, 3)
	wanted, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	var found []string
	until(ts, args[1], func() bool {
		text, _ := os.ReadFile(ts.MkAbs(args[0]))
		found = wanted.FindStringSubmatch(string(text))
		return len(found) > 1
	})
	ts.Setenv(args[2], found[1])
}
