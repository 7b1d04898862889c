// Package verifiers has what tlsdemo certs issues judged by other people's verifiers of
// certificates, and compares what they say with what they have to.
package verifiers

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"text/tabwriter"

	"tlsdemo/scripts/peers/workshop"
)

// atOnce is how many verifiers are asked at the same time.
const atOnce = 3

// Run has those exhibits judged whose names have one of args in them, or all, and prints a
// table. It returns an exit status.
func Run(ctx context.Context, w *workshop.Workshop, args []string) int {
	all, err := exhibits(ctx, w)
	if err != nil {
		fmt.Fprintln(os.Stderr, "verifiers:", err)
		return 1
	}
	all = workshop.Choose(all, args, func(e exhibit) string { return e.name })
	if len(all) == 0 {
		fmt.Fprintf(os.Stderr, "verifiers: nothing that is judged is called %s\n", strings.Join(args, " or "))
		return 2
	}
	b, err := newBench(ctx, w)
	if err != nil {
		fmt.Fprintln(os.Stderr, "verifiers:", err)
		return 1
	}
	present, missing := choose(judges())
	t := table{exhibits: all}
	ask := func(j judge) []finding { return j.ask(ctx, b, &j, all) }
	workshop.InOrder(ctx, atOnce, present, ask, func(j judge, said []finding) { t.add(j, said) })
	if ctx.Err() != nil {
		fmt.Fprintln(os.Stderr, "verifiers:", context.Cause(ctx))
		return 1
	}
	return t.end(os.Stdout, missing, os.Getenv("TLSDEMO_INTEROP") == "require")
}

// choose returns the judges that are here, and the reasons for which others are not.
func choose(all []judge) (present []judge, missing []string) {
	for _, j := range all {
		if need := j.missing(); need != "" {
			missing = append(missing, fmt.Sprintf("%s: %s is not installed", j.name, need))
		} else {
			present = append(present, j)
		}
	}
	return present, missing
}

func (j *judge) missing() string {
	for _, need := range j.needs {
		if _, err := exec.LookPath(need); err != nil {
			return need
		}
	}
	return ""
}

// table is what each verifier said of each exhibit.
type table struct {
	exhibits []exhibit
	judges   []judge
	findings [][]finding // by judge
}

func (t *table) add(j judge, said []finding) {
	t.judges = append(t.judges, j)
	t.findings = append(t.findings, said)
}

// end prints the table, the exceptions, and what is wrong, and returns an exit status.
func (t *table) end(out io.Writer, missing []string, require bool) int {
	t.print(out)
	for _, x := range exceptions {
		fmt.Fprintf(out, "* %s, %s: %s, since %s\n", x.judge, x.exhibit, x.verdict.words(), x.reason)
	}
	for _, line := range missing {
		fmt.Fprintf(out, "skip: %s\n", line)
	}
	wrong := t.wrong()
	for _, line := range wrong {
		fmt.Fprintf(out, "FAIL: %s\n", line)
	}
	fmt.Fprintf(out, "verifiers: %d judged by %d, %d wrong\n", len(t.exhibits), len(t.judges), len(wrong))
	if len(wrong) > 0 || require && len(missing) > 0 {
		return 1
	}
	return 0
}

func (t *table) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "judged")
	for _, j := range t.judges {
		fmt.Fprint(w, "\t", j.name)
	}
	fmt.Fprintln(w)
	for i := range t.exhibits {
		fmt.Fprint(w, t.exhibits[i].name)
		for n := range t.judges {
			fmt.Fprint(w, "\t", t.cell(i, n))
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush()
}

// cell is a word: a star says that it is an exception, an exclamation mark that it is wrong.
func (t *table) cell(i, n int) string {
	e, j, f := &t.exhibits[i], &t.judges[n], t.findings[n][i]
	word := "accept"
	switch {
	case j.skips != nil && j.skips(e):
		return "-"
	case f.err != nil:
		return "error!"
	case f.verdict != accepted:
		word = "refuse"
	}
	if f.verdict != j.expected(e) {
		return word + "!"
	}
	if exceptionOf(j, e) != nil {
		return word + "*"
	}
	return word
}

// expected is what the verifier has to say.
func (j *judge) expected(e *exhibit) verdict {
	if x := exceptionOf(j, e); x != nil {
		return x.verdict
	}
	if len(j.words[badlyFormed]) > 0 || e.want == revoked && !j.crl {
		return accepted
	}
	return e.want
}

// wrong says what is not as it has to be.
func (t *table) wrong() []string {
	var lines []string
	for n := range t.judges {
		for i := range t.exhibits {
			e, j, f := &t.exhibits[i], &t.judges[n], t.findings[n][i]
			switch want := j.expected(e); {
			case j.skips != nil && j.skips(e):
			case f.err != nil:
				lines = append(lines, fmt.Sprintf("%s, %s: %v", j.name, e.name, f.err))
			case f.verdict != want:
				lines = append(lines, fmt.Sprintf("%s, %s: %s, and it has to be: %s\n%s", j.name, e.name, f.verdict.words(), want.words(), indent(f.said)))
			}
		}
	}
	return lines
}

func (v verdict) words() string {
	if v == accepted {
		return "accepted"
	}
	return "refused (" + string(v) + ")"
}

func indent(text string) string {
	return "\t" + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n\t")
}

// exception is a verdict that differs, with the reason. The words are parts of names. What
// comes first counts.
type exception struct {
	judge, exhibit string
	verdict        verdict
	reason         string
}

var exceptions = []exception{
	{"NSS", "init --key-type=ed25519", unknown, "NSS 3.87 reads no CA with such a key"},
	{"GnuTLS", "forbidden URI", accepted, "GnuTLS 3.7 does not check constraints on URIs"},
	{"Java anchor", "forbidden", accepted, "Java takes a trusted CA's name and key, and not its constraints"},
}

func exceptionOf(j *judge, e *exhibit) *exception {
	for i := range exceptions {
		if x := &exceptions[i]; x.verdict != e.want && strings.HasPrefix(j.name, x.judge) && strings.Contains(e.name, x.exhibit) {
			return x
		}
	}
	return nil
}
