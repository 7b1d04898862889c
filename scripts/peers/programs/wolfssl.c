/* Either end of the exchange, over mutual TLS, with wolfSSL.
 * wolfssl client PORT CA MESSAGE [CERT KEY]
 * wolfssl server PORT CA CERT KEY */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

static WOLFSSL_CTX *context(WOLFSSL_METHOD *method, const char *ca, const char *cert, const char *key) {
	WOLFSSL_CTX *made = wolfSSL_CTX_new(method);
	int ok = wolfSSL_CTX_load_verify_locations(made, ca, NULL) == WOLFSSL_SUCCESS;
	if (ok && cert)
		ok = wolfSSL_CTX_use_certificate_chain_file(made, cert) == WOLFSSL_SUCCESS &&
		     wolfSSL_CTX_use_PrivateKey_file(made, key, WOLFSSL_FILETYPE_PEM) == WOLFSSL_SUCCESS;
	if (!ok) {
		puts("a file cannot be loaded");
		exit(1);
	}
	wolfSSL_CTX_set_verify(made, WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return made;
}

static int complain(WOLFSSL *tls, int result) {
	int code = wolfSSL_get_error(tls, result);
	char text[WOLFSSL_MAX_ERROR_SZ];
	printf("%d: %s\n", code, wolfSSL_ERR_error_string(code, text));
	return 1;
}

/* receive prints what one read returns. */
static int receive(WOLFSSL *tls) {
	char text[1024];
	int n = wolfSSL_read(tls, text, sizeof text);
	if (n <= 0)
		return complain(tls, n);
	printf("Received %.*s\n", n, text);
	return 0;
}

static int send_message(int fd, const struct sockaddr_in *addr, char **args) {
	WOLFSSL *tls = wolfSSL_new(context(wolfTLS_client_method(), args[0], args[2], args[2] ? args[3] : NULL));
	if (connect(fd, (const struct sockaddr *)addr, sizeof *addr))
		return perror("connect"), 1;
	wolfSSL_set_fd(tls, fd);
	wolfSSL_UseSNI(tls, WOLFSSL_SNI_HOST_NAME, "localhost", strlen("localhost"));
	wolfSSL_check_domain_name(tls, "localhost");
	int result = wolfSSL_connect(tls);
	if (result == WOLFSSL_SUCCESS)
		result = wolfSSL_write(tls, args[1], strlen(args[1]));
	if (result <= 0)
		return complain(tls, result);
	result = receive(tls);
	wolfSSL_shutdown(tls);
	return result;
}

static void answer(WOLFSSL *tls) {
	int result = wolfSSL_accept(tls);
	if (result != WOLFSSL_SUCCESS) {
		complain(tls, result);
		return;
	}
	WOLFSSL_X509 *client = wolfSSL_get_peer_certificate(tls);
	printf("Client %s\n", wolfSSL_X509_get_subjectCN(client));
	wolfSSL_X509_free(client);
	if (receive(tls) == 0)
		wolfSSL_write(tls, "Hello world!", strlen("Hello world!"));
	wolfSSL_shutdown(tls);
}

static int serve(int fd, const struct sockaddr_in *addr, char **args) {
	WOLFSSL_CTX *ctx = context(wolfTLS_server_method(), args[0], args[1], args[2]);
	if (bind(fd, (const struct sockaddr *)addr, sizeof *addr) || listen(fd, 5))
		return perror("listen"), 1;
	for (puts("Listening");;) {
		int client = accept(fd, NULL, NULL);
		WOLFSSL *tls = wolfSSL_new(ctx);
		wolfSSL_set_fd(tls, client);
		answer(tls);
		wolfSSL_free(tls);
		close(client);
	}
}

int main(int argc, char **argv) {
	if (argc < 5)
		return 2;
	setvbuf(stdout, NULL, _IONBF, 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	wolfSSL_Init();
	return (strcmp(argv[1], "server") ? send_message : serve)(fd, &addr, argv + 3);
}
