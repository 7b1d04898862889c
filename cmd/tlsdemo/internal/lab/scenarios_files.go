package lab

import "tlsdemo/certs"

// fileScenarios are faults of local files, found before there is any connection.
var fileScenarios = []Scenario{
	{
		Name: "key-mismatch", Broken: "the client's key belongs to another certificate",
		breaks: func(s *brokenSet) { s.foreignKey(certs.Client) }, Want: Verdicts{Client: "key-mismatch"},
	},
	{
		Name: "key-mismatch-server", Broken: "the server's key belongs to another certificate",
		breaks: func(s *brokenSet) { s.foreignKey(certs.Server) }, Want: Verdicts{Server: "key-mismatch"},
	},
	{
		Name: "key-encrypted", Broken: "the client's key is encrypted",
		breaks: locked(certs.Client), Want: Verdicts{Client: "key-encrypted"},
	},
	{
		Name: "key-encrypted-server", Broken: "the server's key is encrypted",
		breaks: locked(certs.Server), Want: Verdicts{Server: "key-encrypted"},
	},
	{
		Name: "key-unparsable", Broken: "the client's key file has a PEM block without a key in it",
		breaks: overwritten("client.key", garbageKey), Want: Verdicts{Client: "key-unparsable"},
	},
	{
		Name: "key-unparsable-server", Broken: "the server's key file has a PEM block without a key in it",
		breaks: overwritten("server.key", garbageKey), Want: Verdicts{Server: "key-unparsable"},
	},
	{
		Name: "key-unreadable", Broken: "the client's key file is a directory",
		breaks: func(s *brokenSet) { s.unreadableKey(certs.Client) }, Want: Verdicts{Client: "key-unreadable"},
	},
	{
		Name: "key-unreadable-server", Broken: "the server's key file is a directory",
		breaks: func(s *brokenSet) { s.unreadableKey(certs.Server) }, Want: Verdicts{Server: "key-unreadable"},
	},
	{
		Name: "pem-swapped", Broken: "the client's certificate and key are swapped: each is in the other's file",
		breaks: func(s *brokenSet) { s.swap(certs.Client) }, Want: Verdicts{Client: "pem-swapped"},
	},
	{
		Name: "pem-swapped-server", Broken: "the server's certificate and key are swapped: each is in the other's file",
		breaks: func(s *brokenSet) { s.swap(certs.Server) }, Want: Verdicts{Server: "pem-swapped"},
	},
	{
		Name: "ca-file-empty", Broken: "the client's trust file is empty",
		breaks: func(s *brokenSet) { s.apart(s.ca); s.files["client/ca.crt"] = nil },
		Want:   Verdicts{Client: "ca-file-empty"},
	},
	{
		Name: "ca-file-empty-server", Broken: "the server's trust file is empty",
		breaks: func(s *brokenSet) { s.apart(s.ca); s.files["server/ca.crt"] = nil },
		Want:   Verdicts{Server: "ca-file-empty"},
	},
}

var garbageKey = pemOf("PRIVATE KEY", []byte("no DER"))

// passphrase opens the encrypted keys.
const passphrase = "tlsdemo"

func locked(name string) func(*brokenSet) {
	return func(s *brokenSet) { s.spoilt[name+".key"] = s.EncryptedKey(s.set[name], passphrase) }
}

func overwritten(file string, data []byte) func(*brokenSet) {
	return func(s *brokenSet) { s.spoilt[file] = data }
}

func (s *brokenSet) foreignKey(name string) {
	s.set[name].Key = s.sameCA().Key
}

func (s *brokenSet) unreadableKey(name string) { s.blocked = name + ".key" }

func (s *brokenSet) swap(name string) {
	key, err := s.set[name].KeyPEM()
	s.Fail(err)
	s.spoilt[name+".crt"], s.spoilt[name+".key"] = key, s.set[name].CertPEM()
}
