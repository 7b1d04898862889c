// Package look is what the pages of tlsdemo look like: in the light and in the dark, on a phone and
// on a desk. They load nothing, and run no script.
package look

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"maps"
	"sync"

	"tlsdemo/cmd/tlsdemo/internal/console"
)

//go:embed look.css
var base string

// Style is the style of a page that has one of its own: that of all pages, and then its own.
func Style(own string) string { return base + own }

// Template returns a function that returns the template of a page, which is parsed at its first
// call. In the markup, style is the page's style, policy is its [Policy], and clean is
// [console.Clean].
func Template(markup, style string, more template.FuncMap) func() *template.Template {
	return sync.OnceValue(func() *template.Template {
		funcs := template.FuncMap{
			"style":  func() template.CSS { return template.CSS(style) },
			"policy": func() string { return Policy(style) },
			"clean":  console.Clean,
		}
		maps.Copy(funcs, more)
		return template.Must(template.New("page").Funcs(funcs).Parse(markup))
	})
}

// Policy is the Content-Security-Policy of a page with that style. It allows the style, and the
// empty icon, without which a browser asks for one; and nothing else: nothing is loaded, and no
// script runs.
func Policy(style string) string {
	return "default-src 'none'; style-src 'sha256-" + digest(style) + "'; img-src data:; base-uri 'none'; form-action 'none'"
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}
