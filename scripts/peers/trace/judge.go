package trace

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"tlsdemo/tlsnet/trace/pcapng"
	"tlsdemo/tlsnet/wire"
)

// difference is where two accounts part.
type difference struct{ what, ours, theirs string }

func (d difference) String() string {
	return fmt.Sprintf("%s: ours %q, tshark %q", d.what, d.ours, d.theirs)
}

// differences are told as one error, those that are allowed left out.
func (j *judge) verdict(r recording) error {
	if r.err != nil {
		return r.err
	}
	var told []string
	for i, c := range r.conversations() {
		name := fmt.Sprintf("connection %d", i+1)
		for _, d := range append(compare(mine(c), j.theirs[r.ports[i]]), ownFaults(c)...) {
			if n := allow(r.name, d); n >= 0 {
				j.used[n]++
			} else {
				told = append(told, name+", "+d.String())
			}
		}
		j.counts.add(c)
	}
	j.counts.captures++
	told = append(told, lacks(r)...)
	told = append(told, again(r)...)
	if len(told) > 0 {
		return fmt.Errorf("%s", strings.Join(told[:min(len(told), 4)], "; "))
	}
	return nil
}

// lacks is what should have been seen in a scene, and was not.
func lacks(r recording) (told []string) {
	var seen []string
	for _, c := range r.conversations() {
		seen = append(seen, wire.SuiteName(c.Suite))
		if c.Resumed {
			seen = append(seen, "resumed")
		}
		for _, m := range c.Messages {
			seen = append(seen, m.Name)
		}
	}
	for _, name := range r.has {
		if !slices.Contains(seen, name) {
			told = append(told, "there is no "+name)
		}
	}
	return told
}

// again is what is another when the connections are written into a file and read again.
func again(r recording) (told []string) {
	var file bytes.Buffer
	if err := pcapng.Write(&file, r.captures...); err != nil {
		return []string{err.Error()}
	}
	read, err := pcapng.Read(&file)
	if err != nil || len(read) != len(r.captures) {
		return []string{fmt.Sprintf("a file of %d connections is read as %d: %v", len(r.captures), len(read), err)}
	}
	for i, c := range r.conversations() {
		now := read[i].Conversation()
		for _, d := range compare(mine(c), mine(now)) {
			told = append(told, fmt.Sprintf("connection %d is read as another, %s: %q, was %q", i+1, d.what, d.theirs, d.ours))
		}
		if a, b := proofs(c), proofs(now); a != b {
			told = append(told, fmt.Sprintf("connection %d is read as another: %d checksums, were %d", i+1, b, a))
		}
	}
	return told
}

func proofs(c *wire.Conversation) (n int) {
	for _, m := range c.Messages {
		if m.Proof != "" {
			n++
		}
	}
	return n
}

// compare returns the first difference of each kind, for each side.
func compare(ours, theirs *account) (all []difference) {
	if theirs == nil {
		return []difference{{"all", "something", "nothing"}}
	}
	for side := range ours.sides {
		mine, other := &ours.sides[side], &theirs.sides[side]
		who := wire.Side(side).String()
		all = append(all, firstOf(who+"'s records", mine.records, other.records)...)
		all = append(all, firstOf(who+"'s messages", mine.said, other.said)...)
		all = append(all, firstOf(who+"'s plaintexts", numbers(mine.data), numbers(other.data))...)
	}
	return all
}

func numbers(all []int) (texts []string) {
	for _, n := range all {
		texts = append(texts, fmt.Sprint(n))
	}
	return texts
}

// firstOf compares two lists up to where they part.
func firstOf(what string, ours, theirs []string) []difference {
	for i := range max(len(ours), len(theirs)) {
		mine, other := at(ours, i), at(theirs, i)
		if mine != other {
			return []difference{{what + " after " + before(ours, i), mine, other}}
		}
	}
	return nil
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return "the end"
}

// before is the last line before i that is no field.
func before(list []string, i int) string {
	for _, line := range slices.Backward(list[:min(i, len(list))]) {
		if !strings.HasPrefix(line, " ") {
			return line
		}
	}
	return "the beginning"
}

// ownFaults are what tlsnet/wire itself takes for wrong, and messages that have not been proved.
func ownFaults(c *wire.Conversation) (all []difference) {
	for i := range c.Messages {
		m := &c.Messages[i]
		if m.Fault != "" {
			all = append(all, difference{what: m.From.String() + "'s " + m.Name, ours: m.Fault})
		}
		if n := leaves(m.Fields, 0); m.Fields != nil && n != len(m.Raw) {
			all = append(all, difference{what: m.From.String() + "'s " + m.Name, ours: fmt.Sprintf("its fields end at byte %d of %d", n, len(m.Raw))})
		}
		if m.Content == wire.Handshake && m.Type == wire.Finished && m.Proof == "" {
			all = append(all, difference{what: m.From.String() + "'s " + m.Name, ours: "its checksum has not been checked"})
		}
	}
	return all
}

// leaves is where the leaves end if the first begins at a byte, and each where the one before it
// ends; or -1.
func leaves(fields []wire.Field, at int) int {
	for _, f := range fields {
		switch {
		case f.Offset != at:
			return -1
		case len(f.Fields) == 0:
			at += f.Length
		default:
			at = leaves(f.Fields, at)
		}
	}
	return at
}

// allowance is a difference that is known, and why it is right.
type allowance struct {
	scene, difference *regexp.Regexp
	why               string
}

// allowances are all differences that there may be.
var allowances = []allowance{
	{
		regexp.MustCompile(`CCM|CAMELLIA`), regexp.MustCompile(`(messages|plaintexts) after .*: ours "the end"`),
		"crypto/tls has no such suite, so tlsnet/wire says that its records are closed; tshark opens them",
	},
	{
		regexp.MustCompile(`^resumed: Go to Go, 1\.2$`), regexp.MustCompile(`tshark "the end"`),
		"crypto/tls logs nothing of a session of TLS 1.2 that is resumed; tlsnet/wire tries the secrets of earlier connections, tshark does not",
	},
	{
		regexp.MustCompile(`^encrypted hello$`), regexp.MustCompile(`tshark "the end"|Finished: ours "its checksum has not been checked"`),
		"the key log knows an Encrypted Client Hello by a random that is not seen; tlsnet/wire tries its secrets, tshark 4.0 does not; checksums are over a hello that neither can read",
	},
	{
		regexp.MustCompile(`^authentication after the handshake$`), regexp.MustCompile(`^client's (messages after message 20,|plaintexts after) .*tshark "the end"`),
		"tshark takes the Finished of an authentication after the handshake for that of a handshake, and opens nothing of what the client sends after it",
	},
	{
		regexp.MustCompile(`^refused: a foreign server by .*, 1\.3$`), regexp.MustCompile(`^client's \w+: ours "sent in plaintext`),
		"OpenSSL refuses a server in plaintext where it should be encrypted, which tlsnet/wire says and tshark does not",
	},
}

// allow returns which allowance is for a difference, or -1.
func allow(scene string, d difference) int {
	return slices.IndexFunc(allowances, func(a allowance) bool {
		return a.scene.MatchString(scene) && a.difference.MatchString(d.String())
	})
}

func (n *counts) add(c *wire.Conversation) {
	for _, r := range c.Records {
		n.records++
		if r.Closed {
			n.closed++
		} else if r.Inside == 23 {
			n.plaintexts++
		}
	}
	a := mine(c)
	for side := range a.sides {
		for _, line := range a.sides[side].said {
			switch {
			case strings.HasPrefix(line, "  extension "):
				n.extensions++
			case strings.HasPrefix(line, " "):
				n.values++
			default:
				n.messages++
			}
		}
	}
	n.proofs += proofs(c)
}

func (j *judge) sum(out io.Writer) {
	n := j.counts
	fmt.Fprintf(out, "\n%d scenes: %d records, %d messages, %d extensions, %d other values, %d plaintexts compared; %d records closed; %d checksums and signatures checked\n",
		n.captures, n.records, n.messages, n.extensions/2, n.values, n.plaintexts, n.closed, n.proofs)
	for i, a := range allowances {
		fmt.Fprintf(out, "%d differences: %s\n", j.used[i], a.why)
	}
}
