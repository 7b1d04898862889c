package main

import "tlsdemo/certs"

// fileScenarios are faults of local files, found before there is any connection.
var fileScenarios = []scenario{
	{
		name: "key-mismatch", broken: "the client's key belongs to another certificate",
		breaks: func(s *brokenSet) { s.foreignKey(certs.Client) }, want: verdicts{client: "key-mismatch"},
	},
	{
		name: "key-mismatch-server", broken: "the server's key belongs to another certificate",
		breaks: func(s *brokenSet) { s.foreignKey(certs.Server) }, want: verdicts{server: "key-mismatch"},
	},
	{
		name: "key-encrypted", broken: "the client's key is encrypted",
		breaks: overwritten("client.key", encryptedKey), want: verdicts{client: "key-encrypted"},
	},
	{
		name: "key-encrypted-server", broken: "the server's key is encrypted",
		breaks: overwritten("server.key", encryptedKey), want: verdicts{server: "key-encrypted"},
	},
	{
		name: "key-unparsable", broken: "the client's key is garbage in a PEM block",
		breaks: overwritten("client.key", garbageKey), want: verdicts{client: "key-unparsable"},
	},
	{
		name: "key-unparsable-server", broken: "the server's key is garbage in a PEM block",
		breaks: overwritten("server.key", garbageKey), want: verdicts{server: "key-unparsable"},
	},
	{
		name: "key-unreadable", broken: "a directory stands where the client's key should",
		breaks: func(s *brokenSet) { s.unreadableKey(certs.Client) }, want: verdicts{client: "key-unreadable"},
	},
	{
		name: "key-unreadable-server", broken: "a directory stands where the server's key should",
		breaks: func(s *brokenSet) { s.unreadableKey(certs.Server) }, want: verdicts{server: "key-unreadable"},
	},
	{
		name: "pem-swapped", broken: "the client's certificate and key are in each other's file",
		breaks: func(s *brokenSet) { s.swap(certs.Client) }, want: verdicts{client: "pem-swapped"},
	},
	{
		name: "pem-swapped-server", broken: "the server's certificate and key are in each other's file",
		breaks: func(s *brokenSet) { s.swap(certs.Server) }, want: verdicts{server: "pem-swapped"},
	},
	{
		name: "ca-file-empty", broken: "the client's trust file is empty",
		breaks: func(s *brokenSet) { s.apart(s.ca.Pair()); s.files["client/ca.crt"] = nil },
		want:   verdicts{client: "ca-file-empty"},
	},
	{
		name: "ca-file-empty-server", broken: "the server's trust file is empty",
		breaks: func(s *brokenSet) { s.apart(s.ca.Pair()); s.files["server/ca.crt"] = nil },
		want:   verdicts{server: "ca-file-empty"},
	},
}

var (
	encryptedKey = pemOf("ENCRYPTED PRIVATE KEY", []byte("only a passphrase opens it"))
	garbageKey   = pemOf("PRIVATE KEY", []byte("no DER"))
)

func overwritten(file string, data []byte) func(*brokenSet) {
	return func(s *brokenSet) { s.files[file] = data }
}

func (s *brokenSet) foreignKey(name string) {
	s.set[name].Key = s.sameCA().Key
}

func (s *brokenSet) unreadableKey(name string) { s.blocked = name + ".key" }

func (s *brokenSet) swap(name string) {
	key, err := s.set[name].KeyPEM()
	s.fail(err)
	s.files[name+".crt"], s.files[name+".key"] = key, s.set[name].CertPEM()
}
