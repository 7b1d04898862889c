package main

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"tlsdemo/cmd/tlsdemo/internal/console"
)

// unexpectedError is a lab in which an end did not say what it ought to.
type unexpectedError struct{ wrong, of int }

func (u *unexpectedError) Error() string {
	return fmt.Sprintf("%d of %d not as expected", u.wrong, u.of)
}

// runChosen shows scenarios one after another.
func (l *lab) runChosen(ctx context.Context) error {
	wrong := 0
	for i, s := range l.scenarios {
		o, err := l.stage(ctx, s, s.best(l.tls))
		if err != nil {
			return err
		}
		if i > 0 && !l.json {
			fmt.Fprintln(l.env.stdout)
		}
		if err := l.show(o); err != nil {
			return err
		}
		if !o.asExpected() {
			wrong++
		}
	}
	return l.judge(wrong, len(l.scenarios))
}

func (l *lab) judge(wrong, of int) error {
	if wrong == 0 {
		return nil
	}
	return &unexpectedError{wrong: wrong, of: of}
}

// runAll prints the matrix.
func (l *lab) runAll(ctx context.Context) error {
	outcomes, err := l.stageAll(ctx, allScenarios(), l.tls)
	if err != nil {
		return err
	}
	wrong := 0
	for _, o := range outcomes {
		if !o.asExpected() {
			wrong++
		}
	}
	if err := l.print(outcomes); err != nil {
		return err
	}
	if !l.json {
		fmt.Fprintf(l.env.stdout, "lab: %d of %d as expected\n", len(outcomes)-wrong, len(outcomes))
	}
	return l.judge(wrong, len(outcomes))
}

func (l *lab) print(outcomes []*outcome) error {
	if l.json {
		for _, o := range outcomes {
			if err := l.show(o); err != nil {
				return err
			}
		}
		return nil
	}
	table := console.NewTable(l.env.stdout)
	fmt.Fprintf(table, "SCENARIO\tTLS\tSERVER\t\tCLIENT\t\t\n")
	for _, o := range outcomes {
		fmt.Fprintf(table, "%s\t%v\t%s\t%s\t%s\n", o.scenario.name, &o.version, said(o.server), said(o.client), o.result())
	}
	return table.Flush()
}

// said is an end's code and certainty, as two cells.
func said(r *console.Explanation) string {
	if r == nil {
		return "-\t"
	}
	return orDash(r.Code) + "\t" + r.Certainty
}

func orDash(code string) string {
	if code == "" {
		return "-"
	}
	return code
}

// show prints what both ends said, as it would stand in their terminals.
func (l *lab) show(o *outcome) error {
	if l.json {
		return console.NewJSONEncoder(l.env.stdout).Encode(o.record())
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s, TLS %v: %s\n", o.scenario.name, &o.version, o.scenario.broken)
	fmt.Fprintf(&out, "\nserver%s%s\n", prompt(o.scenario.server != nil), o.commands[0])
	tell(&out, o.server)
	fmt.Fprintf(&out, "\nclient%s%s\n", prompt(o.scenario.client != nil), o.commands[1])
	tell(&out, o.client)
	fmt.Fprintf(&out, "\n%s; to try it yourself: tlsdemo lab %s --tls=%v --keep=DIR\n", o.result(), o.scenario.name, &o.version)
	_, err := l.env.stdout.Write(out.Bytes())
	return err
}

// prompt tells a command that was run from one that does the same as what was.
func prompt(strange bool) string {
	if strange {
		return ", as if by: "
	}
	return "$ "
}

func tell(w io.Writer, r *console.Explanation) {
	if r == nil {
		fmt.Fprintln(w, "(nothing to say)")
		return
	}
	r.Print(w, "tlsdemo: ")
}
