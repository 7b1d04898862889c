package talk

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Request is a flag for the request of HTTP that is to be made: /PATH, or METHOD /PATH. The zero
// value is none.
type Request struct {
	Method string // if empty: GET, or POST where there is a message to send
	target string // the path with its query
}

// root is what is asked for where nobody said what.
var root = Request{target: "/"}

var errRequest = errors.New(`it has to be a path or a method and a path, such as /healthz or "POST /echo"`)

func (r *Request) Set(s string) error {
	words := strings.Fields(s)
	if len(words) == 0 || len(words) > 2 {
		return errRequest
	}
	made := Request{target: words[len(words)-1]}
	if len(words) == 2 {
		made.Method = words[0]
	}
	if _, err := url.ParseRequestURI(made.target); err != nil || !strings.HasPrefix(made.target, "/") {
		return errRequest
	}
	if _, err := http.NewRequest(made.Method, made.target, nil); err != nil || made.Method == http.MethodConnect {
		return fmt.Errorf("%q is no method of a request for a path", made.Method)
	}
	*r = made
	return nil
}

func (r *Request) String() string { return strings.TrimSpace(r.Method + " " + r.target) }

func (r *Request) Type() string { return "request" }

// Given reports whether there is a request.
func (r *Request) Given() bool { return r.target != "" }
