package gallery

import (
	"cmp"
	"fmt"
	"slices"
	"unicode"
	"unicode/utf8"

	"tlsdemo/cmd/tlsdemo/internal/lab"
	"tlsdemo/cmd/tlsdemo/internal/ladder"
	"tlsdemo/cmd/tlsdemo/internal/tracefile"
	"tlsdemo/tlsnet/trace"
	"tlsdemo/tlsnet/wire"
)

// Page is a scenario as a page: what was broken, what both ends say, and what they said to each
// other. That is told once, if both ends saw the same.
func Page(o *lab.Outcome, r *Recording) ladder.Page {
	return ladder.Page{
		Title: fmt.Sprintf("%s, TLS %v", o.Scenario.Name, o.Version),
		Lead:  sentence(o.Scenario.Broken),
		Try:   fmt.Sprintf("tlsdemo lab %s --tls=%v --keep=%s", o.Scenario.Name, o.Version, lab.ExampleDir),
		Ends: []ladder.End{
			{Side: wire.Client, Command: acts(o.Scenario.StrangeClient()) + o.Commands[1], Explained: o.Client},
			{Side: wire.Server, Command: acts(o.Scenario.StrangeServer()) + o.Commands[0], Explained: o.Server},
		},
		Stories: stories(o, r),
	}
}

// acts is what stands in front of the command of an end, which is another program if it is strange.
func acts(strange bool) string {
	if strange {
		return "acts like: "
	}
	return ""
}

// sentence is a text as a sentence of its own.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:] + "."
}

// stories are what the ends said to each other. What the end that knows best says stands where it
// broke off.
func stories(o *lab.Outcome, r *Recording) []*ladder.Story {
	server, client := r.At(wire.Server), r.At(wire.Client)
	if sameSaid(server, client) {
		by, said := Surest(o.Server, o.Client)
		return tracefile.Of(r.Fullest(), by, said).Stories
	}
	atServer := tracefile.Of(server, wire.Server, o.Server).Stories
	atClient := tracefile.Of(client, wire.Client, o.Client).Stories
	entitle(atServer, "As the server saw it")
	entitle(atClient, "As the client saw it")
	return append(atClient, atServer...)
}

// sameSaid reports whether two ends saw the same, or one of them nothing, whatever they say of it.
func sameSaid(server, client []*trace.Capture) bool {
	atServer, atClient := tracefile.Of(server, wire.Server, nil).Stories, tracefile.Of(client, wire.Client, nil).Stories
	return len(atServer) == 0 || len(atClient) == 0 || slices.EqualFunc(atServer, atClient, same)
}

func entitle(stories []*ladder.Story, title string) {
	for i, s := range stories {
		s.Title = title
		if len(stories) > 1 {
			s.Title += fmt.Sprintf(": connection %d of %d", i+1, len(stories))
		}
	}
}

// same reports whether two stories tell the same. The order may differ: what is on its way in both
// directions at once passes each end at another time. And an end that has closed the connection
// does not hear the other close it.
func same(a, b *ladder.Story) bool {
	return a.Ending.Text == b.Ending.Text && slices.Equal(messages(a), messages(b))
}

// closing is the name of the message with which an end says that it has nothing more to say.
const closing = "Alert close_notify"

// messages are those of a story, but for the last of each side.
func messages(s *ladder.Story) (all []string) {
	for _, act := range s.Acts {
		for _, step := range act.Steps {
			if step.Name != closing {
				all = append(all, fmt.Sprint(step.From, step.Name, step.Size))
			}
		}
	}
	slices.SortFunc(all, cmp.Compare[string])
	return all
}

// file is the name of the page of an outcome.
func file(s *lab.Scenario, v lab.Version) string {
	return fmt.Sprintf("%s-tls%v.html", s.Name, v)
}
