package cli

import (
	"math"
	"testing"
	"time"
)

const day = 24 * time.Hour

func TestValidity(t *testing.T) {
	for _, c := range []struct {
		in   string
		want time.Duration // 0 for an error
		text string
	}{
		{"1m", time.Minute, "1m"},
		{"90m", 90 * time.Minute, "90m"},
		{"120m", 2 * time.Hour, "2h"},
		{"24h", day, "1d"},
		{"90d", 90 * day, "90d"},
		{"365d", 365 * day, "1y"},
		{"10y", 3650 * day, "10y"},
		{"1y30d", 395 * day, "395d"},
		{"1d2h3m", 26*time.Hour + 3*time.Minute, "1563m"},
		{"2h1d", 26 * time.Hour, "26h"},
		{"1d1d", 2 * day, "2d"},
		{"0y1m", time.Minute, "1m"},
		{"007d", 7 * day, "7d"},
		{"292y", 292 * 365 * day, "292y"},
		{in: ""},
		{in: "0d"},
		{in: "0y0d0h0m"},
		{in: "-1d"},
		{in: "+1d"},
		{in: "1"},
		{in: "d"},
		{in: "1.5d"},
		{in: "1s"},
		{in: "1w"},
		{in: "1D"},
		{in: "1 d"},
		{in: " 1d"},
		{in: "1d\n"},
		{in: "1d2"},
		{in: "١d"},
		{in: "1e3d"},
		{in: "0x10d"},
		{in: "293y"},
		{in: "292y365d"},
		{in: "9223372036854775807m"},
		{in: "99999999999999999999d"},
	} {
		v := Validity(time.Hour)
		err := v.Set(c.in)
		switch {
		case c.want == 0 && err == nil:
			t.Errorf("%q is taken for %v", c.in, &v)
		case c.want == 0 && v != Validity(time.Hour):
			t.Errorf("%q changes the flag to %v", c.in, &v)
		case c.want != 0 && (err != nil || time.Duration(v) != c.want || v.String() != c.text):
			t.Errorf("%q is %v (%s), error %v, want %v (%s)", c.in, time.Duration(v), &v, err, c.want, c.text)
		}
	}
}

func FuzzValidity(f *testing.F) {
	for _, seed := range []string{"90d", "1y30d", "0m", "292y", "293y", "9223372036854775807m", "1d\n", "-1h", "１d"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var v Validity
		if v.Set(s) != nil {
			if v != 0 {
				t.Errorf("%q is refused, and changes the flag to %v", s, &v)
			}
			return
		}
		if v <= 0 || time.Duration(v)%time.Minute != 0 {
			t.Errorf("%q is taken for %v", s, time.Duration(v))
		}
		// What the flag says of itself it takes as well.
		var again Validity
		if err := again.Set(v.String()); err != nil || again != v {
			t.Errorf("%q is %s, and that is %s, error %v", s, &v, &again, err)
		}
	})
}

func TestByteSize(t *testing.T) {
	for _, c := range []struct {
		in   string
		want int64 // less than 0 for an error
	}{
		{"1", 1},
		{"512", 512},
		{"1B", 1},
		{"1kB", 1000},
		{"1KiB", 1024},
		{"1MiB", 1 << 20},
		{"1 MiB", 1 << 20},
		{"1.5KiB", 1536},
		{"1GiB", 1 << 30},
		{"0", 0},
		{"0MiB", 0},
		{"", -1},
		{"-1", -1},
		{"lots", -1},
		{"1XB", -1},
		{"9EiB", -1},
		{"99999999999999999999", -1},
	} {
		b := ByteSize(7)
		err := b.Set(c.in)
		switch {
		case c.want < 0 && err == nil:
			t.Errorf("%q is taken for %v", c.in, &b)
		case c.want < 0 && b != 7:
			t.Errorf("%q changes the flag to %v", c.in, &b)
		case c.want >= 0 && (err != nil || int64(b) != c.want):
			t.Errorf("%q is %d, error %v, want %d", c.in, b, err, c.want)
		}
	}
	if b := ByteSize(math.MaxInt64); b.Set(b.String()) == nil && b < 0 {
		t.Errorf("a size below nothing: %d", b)
	}
}

func TestTLSVersion(t *testing.T) {
	for _, in := range []string{"1.2", "1.3"} {
		var v TLSVersion
		if err := v.Set(in); err != nil || v.String() != in {
			t.Errorf("%q is %q, error %v", in, v.String(), err)
		}
	}
	for _, in := range []string{"", "1", "1.1", "1.4", "TLS1.3", "1.3 "} {
		var v TLSVersion
		if err := v.Set(in); err == nil || v != 0 {
			t.Errorf("%q is taken for %q", in, v.String())
		}
	}
}

func TestChoice(t *testing.T) {
	c := Choice{Value: "text", Words: []string{"text", "json"}}
	for _, in := range []string{"", "JSON", "json ", "tex"} {
		if err := c.Set(in); err == nil || c.String() != "text" {
			t.Errorf("%q is taken for %q", in, c.String())
		}
	}
	if err := c.Set("json"); err != nil || c.String() != "json" {
		t.Errorf("json is taken for %q, error %v", c.String(), err)
	}
}
