package main

import (
	"crypto/tls"
	"slices"
	"strings"
)

// scenario is one way in which mutual TLS fails, and what each end ought to say of it.
// All that lab does, it does by what stands here.
type scenario struct {
	name   string // the code, if one way of having it is enough
	broken string // what was done, for people

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

	only   tlsVersion // the one in which it can be had; if zero, both
	want   verdicts
	want12 verdicts // with TLS 1.2, if that differs
}

// verdicts are the codes of the two ends; empty for one that has nothing to say.
type verdicts struct{ server, client string }

// both is two ends that agree.
func both(code string) verdicts { return verdicts{server: code, client: code} }

// scenarios is all of them, in the order of the codes that they are about.
var scenarios = slices.Concat(soundScenarios, clientCertScenarios, serverCertScenarios, peerScenarios, parameterScenarios, fileScenarios)

func allScenarios() []*scenario {
	all := make([]*scenario, len(scenarios))
	for i := range scenarios {
		all[i] = &scenarios[i]
	}
	return all
}

// scenariosOf returns the scenario of that name, or else all in which an end is to say
// that code.
func scenariosOf(word string) []*scenario {
	var found []*scenario
	for i := range scenarios {
		s := &scenarios[i]
		if s.name == word {
			return []*scenario{s}
		}
		if word != "" && slices.Contains([]string{s.want.server, s.want.client, s.want12.server, s.want12.client}, word) {
			found = append(found, s)
		}
	}
	return found
}

// versions are those in which the scenario can be had, if chosen is zero, or else
// chosen.
func (s *scenario) versions(chosen tlsVersion) []tlsVersion {
	var all []tlsVersion
	for _, v := range []tlsVersion{tls.VersionTLS12, tls.VersionTLS13} {
		if (s.only == 0 || s.only == v) && (chosen == 0 || chosen == v) {
			all = append(all, v)
		}
	}
	return all
}

// best is the version in which to show the scenario, if chosen is zero.
func (s *scenario) best(chosen tlsVersion) tlsVersion {
	versions := s.versions(chosen)
	return versions[len(versions)-1]
}

func (s *scenario) wants(v tlsVersion) verdicts {
	if v == tls.VersionTLS12 && s.want12 != (verdicts{}) {
		return s.want12
	}
	return s.want
}

// pin is the flag that allows one TLS version only: the range of the defaults ends on
// one side with each of the two.
func pin(v tlsVersion) string {
	if v == tls.VersionTLS12 {
		return "--max-tls=1.2"
	}
	return "--min-tls=1.3"
}

func other(v tlsVersion) tlsVersion { return tls.VersionTLS12 + tls.VersionTLS13 - v }

// serveArgs are those of tlsdemo for the server, with the set in dir.
func (s *scenario) serveArgs(dir brokenDir, v tlsVersion) []string {
	return commandLine("serve", dir.server(), nil, s.serve, dir, v)
}

// sendArgs are those for the client. It is the client that fixes the TLS version.
func (s *scenario) sendArgs(dir brokenDir, v tlsVersion) []string {
	return commandLine("send", dir.client(), []string{pin(v)}, s.send, dir, v)
}

func commandLine(command, own string, pinned, flags []string, dir brokenDir, v tlsVersion) []string {
	args := []string{command}
	if !slices.Contains(flags, "--plain") {
		args = append(append(args, "--dir="+own), pinned...)
	}
	fill := strings.NewReplacer("{dir}", string(dir), "{other}", pin(other(v)))
	for _, flag := range flags {
		args = append(args, fill.Replace(flag))
	}
	return args
}
