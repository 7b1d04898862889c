package lab

import (
	"cmp"
	"crypto/tls"
	"slices"
	"strings"
)

// Version is a version of TLS, as crypto/tls numbers them. Zero stands for any.
type Version uint16

// String returns 1.2 or 1.3.
func (v Version) String() string { return strings.TrimPrefix(tls.VersionName(uint16(v)), "TLS ") }

// Scenario is one way in which mutual TLS fails, and what each end ought to say of it. All
// that the lab does, it does by what stands here.
type Scenario struct {
	Name   string // the code, if one way of having it is enough
	Broken string // what was done, for people
	Want   Verdicts

	// breaks spoils a sound set. If nil, the set stays sound.
	breaks func(*brokenSet)
	// serve and send are the flags of the two ends besides --dir and the TLS
	// version, with a message at the end if need be. In them {dir} is where the set
	// is, {other} the flag for the TLS version that is not wanted.
	serve, send []string
	// server and client take the place of tlsdemo's own, where that cannot be
	// brought to do what is wanted. If nil, it is tlsdemo serve and tlsdemo send.
	server *strangeServer
	client *strangeClient

	only Version // the one in which it can be had; if zero, both
}

// StrangeServer reports whether the server is not tlsdemo's.
func (s *Scenario) StrangeServer() bool { return s.server != nil }

// StrangeClient reports whether the client is not tlsdemo's.
func (s *Scenario) StrangeClient() bool { return s.client != nil }

// Verdicts are the codes of the two ends; empty for one that has no error.
type Verdicts struct{ Server, Client string }

// both is two ends that agree.
func both(code string) Verdicts { return Verdicts{Server: code, Client: code} }

// Chapter is a part of the lab: scenarios that are about the same thing.
type Chapter struct {
	Title     string
	Scenarios []*Scenario
}

// Chapters returns all scenarios, in the order of the codes that they are about.
func Chapters() []Chapter {
	return []Chapter{
		{"Nothing is broken", pointers(soundScenarios)},
		{"The client's certificate", pointers(clientCertScenarios)},
		{"The server's certificate", pointers(serverCertScenarios)},
		{"The other end, and what is in between", pointers(peerScenarios)},
		{"What the two ends have to agree on", pointers(parameterScenarios)},
		{"Local files, before there is a connection", pointers(fileScenarios)},
	}
}

func pointers(list []Scenario) (all []*Scenario) {
	for i := range list {
		all = append(all, &list[i])
	}
	return all
}

// Scenarios returns those of all chapters.
func Scenarios() (all []*Scenario) {
	for _, chapter := range Chapters() {
		all = append(all, chapter.Scenarios...)
	}
	return all
}

// Find returns the scenario of that name, or else all in which an end is to say that code.
func Find(word string) []*Scenario {
	var found []*Scenario
	for _, s := range Scenarios() {
		if s.Name == word {
			return []*Scenario{s}
		}
		if word != "" && slices.Contains([]string{s.Want.Server, s.Want.Client}, word) {
			found = append(found, s)
		}
	}
	return found
}

// Versions returns those in which the scenario can be had, if chosen is zero, or else
// chosen. There is none if it cannot be had in that.
func (s *Scenario) Versions(chosen Version) []Version {
	var all []Version
	for _, v := range []Version{tls.VersionTLS12, tls.VersionTLS13} {
		if (s.only == 0 || s.only == v) && (chosen == 0 || chosen == v) {
			all = append(all, v)
		}
	}
	return all
}

// Best returns the version in which to show the scenario, if chosen is zero, or else
// chosen.
func (s *Scenario) Best(chosen Version) Version { return cmp.Or(chosen, slices.Max(s.Versions(0))) }
