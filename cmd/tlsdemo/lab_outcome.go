package main

import (
	"fmt"

	"tlsdemo/cmd/tlsdemo/internal/console"
)

// verdicts are the codes that the two ends had.
func (o *outcome) verdicts() verdicts {
	return verdicts{server: codeOf(o.server), client: codeOf(o.client)}
}

func codeOf(r *console.Explanation) string {
	if r == nil {
		return ""
	}
	return r.Code
}

func (o *outcome) asExpected() bool { return o.verdicts() == o.scenario.wants(o.version) }

func (o *outcome) result() string {
	if o.asExpected() {
		return "as expected"
	}
	want := o.scenario.wants(o.version)
	return fmt.Sprintf("EXPECTED server %s, client %s", orDash(want.server), orDash(want.client))
}

// outcomeRecord is an outcome as --json has it.
type outcomeRecord struct {
	Scenario   string               `json:"scenario"`
	TLS        string               `json:"tls"`
	Server     *console.Explanation `json:"server"`
	Client     *console.Explanation `json:"client"`
	WantServer string               `json:"want_server"`
	WantClient string               `json:"want_client"`
	AsExpected bool                 `json:"as_expected"`
}

func (o *outcome) record() *outcomeRecord {
	want := o.scenario.wants(o.version)
	return &outcomeRecord{
		Scenario: o.scenario.name, TLS: o.version.String(), Server: o.server, Client: o.client,
		WantServer: want.server, WantClient: want.client, AsExpected: o.asExpected(),
	}
}
