package interop

import (
	"strings"

	"tlsdemo/scripts/peers/workshop"
)

const (
	// deno fetches nothing, neither a newer version of itself nor what a program imports.
	deno = "env DENO_NO_UPDATE_CHECK=1 DENO_DIR={scratch} deno run --no-remote --no-npm --no-config --allow-net=127.0.0.1 --allow-read"
)

// script is a program of ours. What runs it is the first word of args, or the one after
// env and its settings.
func script(name, args string) workshop.Peer {
	words := strings.Fields(args)
	for words[0] == "env" || strings.Contains(words[0], "=") {
		words = words[1:]
	}
	return workshop.Peer{Name: name, Needs: words[:1], Args: args}
}

// java is our program in Java, which is compiled once: that takes longer than it runs.
func java(args string) workshop.Peer {
	return workshop.Peer{
		Name:  "Java JSSE",
		Needs: []string{"java", "javac", "openssl"},
		Build: "javac -d {program} {programs}/Jsse.java",
		Args:  "java " + workshop.QuickJVM + " -cp {program} Jsse" + args,
	}
}

// webClient is a client that asks for / over HTTP.
func webClient(p workshop.Peer) client {
	return client{Peer: p, identity: certAndKey, answered: mutualTLS, request: "GET /"}
}

// javaHTTP is Java's own client of HTTP.
func javaHTTP() client {
	c := webClient(java(" http {port} {ca} {identity}"))
	c.Name, c.identity = "Java HttpClient", "{p12} {password}"
	return c
}

// erlang is our program in Erlang, whose TLS Debian has apart from the language.
func erlang(args string) workshop.Peer {
	return workshop.Peer{
		Name:  "Erlang ssl",
		Needs: []string{"escript", "/usr/lib/erlang/lib/ssl-*"},
		Args:  "escript {programs}/exchange.escript" + args,
	}
}

func wolfSSL(args string) workshop.Peer {
	return workshop.Peer{
		Name:  "wolfSSL",
		Needs: []string{"gcc", "/usr/include/wolfssl/ssl.h"},
		Build: "gcc -o {program} {programs}/wolfssl.c -lwolfssl",
		Args:  "{program}" + args,
	}
}

func mbedTLS(args string) workshop.Peer {
	return workshop.Peer{
		Name:  "mbedTLS",
		Needs: []string{"gcc", "/usr/include/mbedtls/ssl.h"},
		Build: "gcc -o {program} {programs}/mbedtls.c -lmbedtls -lmbedx509 -lmbedcrypto",
		Args:  "{program}" + args,
	}
}
