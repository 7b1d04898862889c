package certtext

import (
	"crypto/x509"
	"testing"
	"time"
)

// A time that a duration cannot hold is counted in years, and the end of the year 9999 is none.
func TestRemaining(t *testing.T) {
	now := time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)
	year := func(y int) time.Time { return time.Date(y, 11, 28, 10, 0, 0, 0, time.UTC) }
	for _, c := range []struct {
		from, to time.Time
		want     string
	}{
		{year(2020), year(2126), "100 years left"},
		{year(2020), year(2318), "292 years left"},
		{year(2020), year(2326), "300 years left"},
		{year(2020), year(9998), "7972 years left"},
		{year(2020), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), "never expires"},
		{year(2020), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), "never expires"},
		{year(3026), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), "begins in 1000 years"},
		{year(1), year(1026), "expired 1000 years ago"},
		{year(2020), now.Add(-2 * time.Hour), "expired 2 hours ago"},
	} {
		if got := Remaining(&x509.Certificate{NotBefore: c.from, NotAfter: c.to}, now); got != c.want {
			t.Errorf("from %v until %v: %s, want %s", c.from, c.to, got, c.want)
		}
	}
}
