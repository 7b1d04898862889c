package cli

import (
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Validity is a flag for how long a certificate lives: whole minutes, hours, days and
// years of 365 days, as in 90d or 1y30d.
type Validity time.Duration

var validityUnits = map[string]time.Duration{
	"m": time.Minute,
	"h": time.Hour,
	"d": 24 * time.Hour,
	"y": 365 * 24 * time.Hour,
}

var (
	validityForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([0-9]+[mhdy])+$`) })
	validityPart = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`([0-9]+)([mhdy])`) })
)

func (v *Validity) Set(s string) error {
	if !validityForm().MatchString(s) {
		return errors.New("it has to be a number with m, h, d or y, such as 90d")
	}
	var total time.Duration
	for _, part := range validityPart().FindAllStringSubmatch(s, -1) {
		n, err := strconv.ParseInt(part[1], 10, 64)
		unit := validityUnits[part[2]]
		if err != nil || n > (math.MaxInt64-int64(total))/int64(unit) {
			return errors.New("longer than 292 years")
		}
		total += time.Duration(n) * unit
	}
	if total == 0 {
		return errors.New("must be greater than 0")
	}
	*v = Validity(total)
	return nil
}

func (v *Validity) String() string {
	d := time.Duration(*v)
	for _, unit := range []string{"y", "d", "h", "m"} {
		if n := validityUnits[unit]; d >= n && d%n == 0 {
			return fmt.Sprintf("%d%s", d/n, unit)
		}
	}
	return d.String()
}

func (v *Validity) Type() string { return "duration" }

// ByteSize is a flag for a number of bytes, as in 1MiB or 500kB, or 0 where there is no limit.
type ByteSize int64

func (b *ByteSize) Set(s string) error {
	n, err := humanize.ParseBytes(s)
	if err != nil || n > math.MaxInt64 {
		return errors.New("it has to be a size such as 1MiB, or 0 for no limit")
	}
	*b = ByteSize(n)
	return nil
}

func (b *ByteSize) String() string {
	return strings.NewReplacer(".0 ", "", " ", "").Replace(humanize.IBytes(uint64(*b)))
}

func (b *ByteSize) Type() string { return "size" }

// TLSVersion is a flag for a version of TLS.
type TLSVersion uint16

// TLSVersions are the versions by their names.
var TLSVersions = map[string]TLSVersion{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

func (v *TLSVersion) Set(s string) error {
	version, ok := TLSVersions[s]
	if !ok {
		return errors.New("it has to be 1.2 or 1.3")
	}
	*v = version
	return nil
}

func (v *TLSVersion) String() string {
	for name, version := range TLSVersions {
		if *v == version {
			return name
		}
	}
	return ""
}

func (v *TLSVersion) Type() string { return "version" }

// Choice is a flag that takes one of a few words.
type Choice struct {
	Value string
	Words []string
}

func (c *Choice) Set(s string) error {
	if !slices.Contains(c.Words, s) {
		return fmt.Errorf("it has to be %s", alternatives(c.Words))
	}
	c.Value = s
	return nil
}

// alternatives are words as a sentence has them: "a, b or c".
func alternatives(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

func (c *Choice) String() string { return c.Value }
func (c *Choice) Type() string   { return "word" }

// Where cobra keeps which flags belong together and which exclude each other, at each flag
// its groups, each the flags' names with spaces in between.
const (
	togetherGroups  = "cobra_annotation_required_if_others_set"
	exclusiveGroups = "cobra_annotation_mutually_exclusive"
)

// CheckFlags finds what is wrong with the flags that were given, for any command.
func CheckFlags(cmd *cobra.Command) error {
	var err error
	cmd.Flags().Visit(func(flag *pflag.Flag) {
		for _, check := range []func(*cobra.Command, *pflag.Flag) error{notEmpty, complete, exclusive} {
			if err == nil {
				err = check(cmd, flag)
			}
		}
	})
	return err
}

// notEmpty refuses a flag that was given nothing, as with --dir="$UNSET": to go on as if
// it had not been given would be a surprise.
func notEmpty(_ *cobra.Command, flag *pflag.Flag) error {
	if flag.Value.Type() == "string" && flag.Value.String() == "" && flag.Name != "reply" {
		return fmt.Errorf("--%s is empty", flag.Name)
	}
	return nil
}

// complete is cobra's check of flags that need each other, in plain words.
func complete(cmd *cobra.Command, flag *pflag.Flag) error {
	for _, group := range flag.Annotations[togetherGroups] {
		given, missing := divide(cmd, group)
		switch {
		case len(missing) == 0:
		case len(given) == 1:
			return fmt.Errorf("%s needs %s", given[0], strings.Join(missing, " and "))
		default:
			return fmt.Errorf("%s need %s", strings.Join(given, " and "), strings.Join(missing, " and "))
		}
	}
	return nil
}

// exclusive is cobra's check of flags that exclude each other, in plain words.
func exclusive(cmd *cobra.Command, flag *pflag.Flag) error {
	for _, group := range flag.Annotations[exclusiveGroups] {
		if given, _ := divide(cmd, group); len(given) > 1 {
			return fmt.Errorf("%s and %s cannot be used together", given[0], given[1])
		}
	}
	return nil
}

// divide separates a group's flags into those that were given and those that were not.
func divide(cmd *cobra.Command, group string) (given, missing []string) {
	for name := range strings.FieldsSeq(group) {
		if cmd.Flags().Changed(name) {
			given = append(given, "--"+name)
		} else {
			missing = append(missing, "--"+name)
		}
	}
	return given, missing
}

// Positive refuses a flag's value that is not greater than 0.
func Positive[T int | time.Duration](name string, value T) error {
	if value > 0 {
		return nil
	}
	return fmt.Errorf("--%s must be greater than 0", name)
}

// NotNegative refuses a flag's value that is less than 0, where 0 means that there is no limit.
func NotNegative[T int | time.Duration](name string, value T) error {
	if value >= 0 {
		return nil
	}
	return fmt.Errorf("--%s must not be negative; 0 means no limit", name)
}

// NoArgs is cobra.NoArgs, in words that fit a command and not a group.
func NoArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unexpected argument %q", args[0])
	}
	return nil
}
