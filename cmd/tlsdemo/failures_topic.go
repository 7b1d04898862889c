package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tlsdemo/certs"
	"tlsdemo/tlsnet/explain"
)

// newFailuresTopic is a page of help: every code with its text, from the same tables
// that the explanations come from.
func newFailuresTopic() *cobra.Command {
	var page strings.Builder
	page.WriteString(`Every failed connection has a code, the same in what is printed, in logs and in JSON. The exit
status is 5 where we refused the other end, 6 where it refused us, 7 where the two have nothing
in common, 4 where the connection itself failed, and 3 for local files. An explanation is
certain if we have verified it ourselves. It is likely if the other end refused us and our own
certificate has a defect that would explain this. Otherwise it is unknown.
`)
	for _, code := range explain.Codes() {
		section(&page, string(code), code.Text())
	}
	page.WriteString("\nAnd of certificates, keys and files on this machine:\n")
	for _, code := range certs.Codes() {
		section(&page, string(code), code.Text())
	}
	return &cobra.Command{
		Use:     "failures",
		Short:   "Why connections fail: every code, explained",
		Long:    page.String(),
		Example: "  tlsdemo help failures",
	}
}

func section(page *strings.Builder, code, text string) {
	fmt.Fprintf(page, "\n%s\n", code)
	for line := range strings.SplitSeq(text, "\n") {
		fmt.Fprintf(page, "    %s\n", line)
	}
}
