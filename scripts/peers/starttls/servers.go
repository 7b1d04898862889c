package starttls

import (
	"os"
	"os/user"

	"tlsdemo/scripts/peers/workshop"
	"tlsdemo/tlsnet/explain"
)

// server is a server of a protocol in which TLS begins after a command. It listens at {port},
// trusts {ca}, and demands a client certificate as far as it can.
type server struct {
	workshop.Peer
	protocol string
	// ready is what it prints once it listens. If empty, it is connected to.
	ready string
	// flags are further ones for tlsdemo probe.
	flags []string
	// none is what tlsdemo probe finds where it has no certificate. If empty, the server
	// completes the handshake, and decides at the login.
	none explain.Code
}

// servers are one for each protocol, as Debian has them.
var servers = []server{
	{
		Peer: workshop.Peer{
			Name:  "Exim",
			Needs: []string{"exim4"},
			Args:  "exim4 -C {conf} -bdf -oX 127.0.0.1.{port}",
			Conf: `
primary_hostname = localhost
spool_directory = {scratch}
log_file_path = {scratch}/%slog
pid_file_path = {scratch}/pid
exim_user = {me}
exim_group = {mine}
never_users =
host_lookup =
tls_advertise_hosts = *
tls_certificate = {cert}
tls_privatekey = {key}
tls_verify_certificates = {ca}
tls_verify_hosts = *
`,
		},
		protocol: "smtp",
		none:     explain.ClientCertMissing,
	},
	dovecot("imap"),
	dovecot("pop3"),
	{
		Peer: workshop.Peer{
			Name:  "vsftpd",
			Needs: []string{"vsftpd"},
			Args:  "vsftpd {conf}",
			Conf: `
listen=YES
listen_address=127.0.0.1
listen_port={port}
background=NO
anonymous_enable=YES
ssl_enable=YES
allow_anon_ssl=YES
rsa_cert_file={cert}
rsa_private_key_file={key}
ca_certs_file={ca}
require_cert=YES
validate_cert=YES
ssl_ciphers=HIGH
secure_chroot_dir={scratch}
vsftpd_log_file={scratch}/log
ftp_username={other}
nopriv_user={other}
run_as_launching_user={unprivileged}
`,
		},
		protocol: "ftp",
		none:     explain.ClientCertMissing,
	},
	{
		Peer: workshop.Peer{
			Name:  "slapd",
			Needs: []string{"slapd"},
			Args:  "slapd -d 0 -f {conf} -h ldap://127.0.0.1:{port}/",
			Conf: `
include /etc/ldap/schema/core.schema
pidfile {scratch}/pid
TLSCACertificateFile {ca}
TLSCertificateFile {cert}
TLSCertificateKeyFile {key}
TLSVerifyClient demand
database ldif
suffix dc=localhost
directory {scratch}
`,
		},
		protocol: "ldap",
		none:     explain.ClosedAfterHandshake,
	},
	{
		Peer: workshop.Peer{
			Name:     "Prosody",
			Needs:    []string{"prosody"},
			Args:     "prosody -F --config {conf}",
			ConfName: "prosody.cfg.lua",
			Conf: `
run_as_root = true
pidfile = "{scratch}/pid"
data_path = "{scratch}"
certificates = "{scratch}"
log = { info = "*console" }
c2s_ports = { {port} }
c2s_interfaces = { "127.0.0.1" }
s2s_ports = {}
modules_enabled = { "tls", "saslauth" }
modules_disabled = { "s2s" }
c2s_require_encryption = true
ssl = { certificate = "{cert}", key = "{key}", cafile = "{ca}", verify = { "peer", "fail_if_no_peer_cert" } }
VirtualHost "localhost"
`,
		},
		protocol: "xmpp",
		flags:    []string{"--server-name=localhost"},
		none:     explain.ClientCertMissing,
	},
	{
		Peer: workshop.Peer{
			Name:  "PostgreSQL",
			Needs: []string{"/usr/lib/postgresql/*/bin/postgres"},
			Args:  "sh {programs}/postgresql.sh {port} {scratch} {cert} {key} {ca}",
		},
		protocol: "postgres",
		ready:    "database system is ready to accept connections",
	},
	{
		Peer: workshop.Peer{
			Name:  "MariaDB",
			Needs: []string{"mariadbd"},
			Args: "mariadbd --no-defaults --user={me} --datadir={scratch} --socket={scratch}/socket --bind-address=127.0.0.1 --port={port}" +
				" --skip-grant-tables --innodb=OFF --default-storage-engine=MyISAM --ssl-cert={cert} --ssl-key={key} --ssl-ca={ca}",
		},
		protocol: "mysql",
		ready:    "ready for connections",
	},
}

// dovecot is the server for one of its protocols.
func dovecot(protocol string) server {
	return server{
		Peer: workshop.Peer{
			Name:  "Dovecot, " + protocol,
			Needs: []string{"dovecot", "/usr/lib/dovecot/" + protocol + "-login"},
			Args:  "dovecot -F -c {conf}",
			Conf: `
base_dir = {scratch}
state_dir = {scratch}
log_path = /dev/stderr
protocols = {protocol}
listen = 127.0.0.1
default_login_user = {other}
default_internal_user = {other}
default_internal_group = {others}
ssl = required
ssl_cert = <{cert}
ssl_key = <{key}
ssl_ca = <{ca}
ssl_verify_client_cert = yes
auth_ssl_require_client_cert = yes
ssl_require_crl = no
passdb {
  driver = static
  args = nopassword=y
}
userdb {
  driver = static
  args = uid={other} gid={others} home={scratch}
}
service {protocol}-login {
  chroot =
  inet_listener {protocol} {
    port = {port}
  }
  inet_listener {protocol}s {
    port = 0
  }
}
service anvil {
  chroot =
}
`,
			Words: []string{"{protocol}", protocol},
		},
		protocol: protocol,
	}
}

// users are who we are, and who else a server may become: only root can become another.
func users() ([]string, error) {
	me, err := user.Current()
	if err != nil {
		return nil, err
	}
	mine, err := user.LookupGroupId(me.Gid)
	if err != nil {
		return nil, err
	}
	other, others, unprivileged := me.Username, mine.Name, "YES"
	if os.Geteuid() == 0 {
		other, others, unprivileged = "nobody", "nogroup", "NO"
	}
	return []string{"{me}", me.Username, "{mine}", mine.Name, "{other}", other, "{others}", others, "{unprivileged}", unprivileged}, nil
}
