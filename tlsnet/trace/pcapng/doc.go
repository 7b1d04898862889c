// Package pcapng writes captures as files that Wireshark opens, with the secrets of the
// connections inside, and reads such files and those of other programs:
// https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html.
package pcapng
