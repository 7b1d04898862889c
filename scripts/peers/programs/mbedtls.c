/* Either end of the exchange, over mutual TLS, with mbedTLS.
 * mbedtls client PORT CA MESSAGE [CERT KEY]
 * mbedtls server PORT CA CERT KEY */
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context random_bytes;
static mbedtls_x509_crt trusted, own;
static mbedtls_pk_context own_key;
static mbedtls_ssl_config config;
static mbedtls_ssl_context tls;
static mbedtls_net_context listener, conn;

/* check ends the program if a step of its start has failed. */
static void check(const char *step, int result) {
	char text[256];
	if (result >= 0)
		return;
	mbedtls_strerror(result, text, sizeof text);
	printf("%s: %s\n", step, text);
	exit(1);
}

static int complain(int result) {
	char text[256];
	mbedtls_strerror(result, text, sizeof text);
	printf("-0x%04x: %s\n", -result, text);
	return 1;
}

static void configure(int endpoint, const char *ca, const char *cert, const char *key) {
	mbedtls_entropy_init(&entropy);
	mbedtls_ctr_drbg_init(&random_bytes);
	mbedtls_ssl_config_init(&config);
	mbedtls_ssl_init(&tls);
	check("seed", mbedtls_ctr_drbg_seed(&random_bytes, mbedtls_entropy_func, &entropy, NULL, 0));
	check("defaults", mbedtls_ssl_config_defaults(&config, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT));
	check("load the CA", mbedtls_x509_crt_parse_file(&trusted, ca));
	mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &random_bytes);
	mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_REQUIRED);
	mbedtls_ssl_conf_ca_chain(&config, &trusted, NULL);
	if (cert) {
		check("load the certificate", mbedtls_x509_crt_parse_file(&own, cert));
		check("load the key", mbedtls_pk_parse_keyfile(&own_key, key, NULL));
		check("use the certificate", mbedtls_ssl_conf_own_cert(&config, &own, &own_key));
	}
	check("setup", mbedtls_ssl_setup(&tls, &config));
	mbedtls_ssl_set_bio(&tls, &conn, mbedtls_net_send, mbedtls_net_recv, NULL);
}

/* receive prints what one read returns. */
static int receive(void) {
	unsigned char text[1024];
	int n = mbedtls_ssl_read(&tls, text, sizeof text);
	if (n <= 0)
		return complain(n);
	printf("Received %.*s\n", n, text);
	return 0;
}

static int send_message(const char *port, char **args) {
	configure(MBEDTLS_SSL_IS_CLIENT, args[0], args[2], args[2] ? args[3] : NULL);
	check("connect", mbedtls_net_connect(&conn, "127.0.0.1", port, MBEDTLS_NET_PROTO_TCP));
	check("name", mbedtls_ssl_set_hostname(&tls, "localhost"));
	int result = mbedtls_ssl_handshake(&tls);
	if (result == 0)
		result = mbedtls_ssl_write(&tls, (unsigned char *)args[1], strlen(args[1]));
	if (result <= 0)
		return complain(result);
	result = receive();
	mbedtls_ssl_close_notify(&tls);
	return result;
}

static void answer(void) {
	char name[256];
	int result = mbedtls_ssl_handshake(&tls);
	if (result) {
		complain(result);
		return;
	}
	mbedtls_x509_dn_gets(name, sizeof name, &mbedtls_ssl_get_peer_cert(&tls)->subject);
	printf("Client %s\n", name);
	if (receive() == 0)
		mbedtls_ssl_write(&tls, (const unsigned char *)"Hello world!", strlen("Hello world!"));
	mbedtls_ssl_close_notify(&tls);
}

static int serve(const char *port, char **args) {
	configure(MBEDTLS_SSL_IS_SERVER, args[0], args[1], args[2]);
	check("listen", mbedtls_net_bind(&listener, "127.0.0.1", port, MBEDTLS_NET_PROTO_TCP));
	for (puts("Listening");;) {
		int result = mbedtls_net_accept(&listener, &conn, NULL, 0, NULL);
		if (result)
			return complain(result);
		answer();
		mbedtls_net_free(&conn);
		check("reset", mbedtls_ssl_session_reset(&tls));
	}
}

int main(int argc, char **argv) {
	if (argc < 5)
		return 2;
	setvbuf(stdout, NULL, _IONBF, 0);
	return (strcmp(argv[1], "server") ? send_message : serve)(argv[2], argv + 3);
}
