package visit

import "testing"

const (
	chromium = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"
	firefox  = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
)

func TestPreferred(t *testing.T) {
	for _, test := range []struct {
		accept []string
		want   format
	}{
		{nil, asText},
		{[]string{""}, asText},
		{[]string{"*/*"}, asText},
		{[]string{chromium}, asHTML},
		{[]string{firefox}, asHTML},
		{[]string{"application/json"}, asJSON},
		{[]string{"Application/JSON"}, asJSON},
		{[]string{"application/json, text/plain, */*"}, asJSON}, // axios
		{[]string{"text/plain, application/json"}, asText},
		{[]string{"text/html, application/json"}, asHTML},
		{[]string{"text/html;q=0.5, application/json;q=0.6"}, asJSON},
		{[]string{"text/html", "application/json"}, asHTML},
		{[]string{"text/html;q=0.1", "application/json"}, asJSON},
		{[]string{"text/*"}, asText},
		{[]string{"text/*;q=0.5, application/*"}, asJSON},
		{[]string{"*/*;q=0.1, text/html;q=0"}, asText},
		{[]string{"text/plain;q=0, */*"}, asHTML},
		{[]string{"text/html;q=0"}, asText},
		{[]string{"image/png"}, asText},
		{[]string{"*/*, text/plain;q=0.5, application/json;q=0.7"}, asHTML}, // the most specific range counts
		{[]string{`text/html;title="a,b;q=0"`}, asHTML},
		{[]string{`text/html;title="a\",text/plain"`}, asHTML},
		{[]string{"application/json ; Q = 0.5 , text/html;q=0.4"}, asJSON},
		{[]string{"text/html;q=x, application/json;q=0.1"}, asJSON},
		{[]string{"text/html;q=NaN, application/json;q=2"}, asText},
		{[]string{",,;,"}, asText},
		{[]string{"application/json;q=1"}, asJSON},
		{[]string{`application/json;q=0.5;x=",text/html,"`}, asJSON},
		{[]string{`application/json;q=0.5;x="\",text/html,"`}, asJSON},
		{[]string{"*/*;q=0.9, text/*;q=0.1, application/json;q=0.5"}, asJSON},
		{[]string{"application/json;q=0, text/*;q=0.5"}, asText},
		{[]string{"text/html;q=0.2, application/json;q=-1, text/plain;q=0.1"}, asHTML}, // no weight is less than 0
		{[]string{"text/html;q=0.2, application/json;q=1.1"}, asHTML},
		{[]string{"text/plain, text/html"}, asText},
		{[]string{"text/html, text/plain"}, asHTML},
		{[]string{"text/*, text/html"}, asHTML}, // what is named is meant
		{[]string{`text/html;title="a\\";q=0.1, application/json;q=0.2`}, asJSON},
		{[]string{`text/html;title=a\;q=0.1, application/json;q=0.2`}, asJSON}, // outside of quotation marks \ is itself
		{[]string{"text/html, text/html;q=0, application/json;q=0.5"}, asHTML}, // the first of two counts
	} {
		if got := preferred(test.accept); got != test.want {
			t.Errorf("%q: %s, want %s", test.accept, mediaTypes[got], mediaTypes[test.want])
		}
	}
}

// Whatever is accepted, there is an answer; and another range that nobody has changes nothing.
func FuzzPreferred(f *testing.F) {
	for _, seed := range []string{"", chromium, `text/html;x="`, `a;q="\`, "*/*;q=1e-9"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		got := preferred([]string{accept})
		if got < asText || got > asJSON {
			t.Fatalf("%q: format %d", accept, got)
		}
		if again := preferred([]string{"image/png;q=0.5", accept}); again != got {
			t.Errorf("%q: %d, and after another range %d", accept, got, again)
		}
	})
}
