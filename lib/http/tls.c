#include "http/tls.h"

#include <pthread.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

#include "base/mem.h"

/* Mozilla, "intermediate", version 5.7; those of TLS 1.3 are OpenSSL's own. */
#define CIPHERS "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:" \
                "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"

struct tls {
	char *cert, *key;
	pthread_mutex_t lock;           /* of context: it is changed by tls_reload */
	SSL_CTX *context;
};

/* A peer is OpenSSL's own object: nothing has to stand beside it. */
static SSL *
ssl_of(struct tls_peer *peer)
{
	return (SSL *)peer;
}

static const char *
reason(void)
{
	unsigned long code = ERR_peek_last_error();
	const char *text = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return text ? text : "it is none";
}

/* HTTP/1.1 is what we speak; a client that offers only other protocols is told nothing, as by a server without ALPN. */
static int
choose_protocol(SSL *ssl __attribute__((unused)), const unsigned char **out, unsigned char *out_n, const unsigned char *in, unsigned in_n,
    void *self __attribute__((unused)))
{
	static const unsigned char ours[] = "\x08http/1.1";

	if (SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_n, ours, sizeof(ours) - 1, in, in_n) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *
context_new(const struct tls *tls, struct err *err)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	if (!context) {
		err_set(err, ERR_IO, "TLS does not begin: %s", reason());
		return NULL;
	}
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_cipher_list(context, CIPHERS);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(context, 1);
	SSL_CTX_set_session_id_context(context, (const unsigned char *)"at", 2);
	SSL_CTX_set_read_ahead(context, 1);             /* header and record by one read */
	SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(context, tls->cert) != 1)
		err_set(err, ERR_IO, "%s: no certificate: %s", tls->cert, reason());
	else if (SSL_CTX_use_PrivateKey_file(context, tls->key, SSL_FILETYPE_PEM) != 1)
		err_set(err, ERR_IO, "%s: no key for %s: %s", tls->key, tls->cert, reason());
	else if (SSL_CTX_check_private_key(context) != 1)
		err_set(err, ERR_IO, "%s: not the key of %s", tls->key, tls->cert);
	else
		return context;
	SSL_CTX_free(context);
	return NULL;
}

struct tls *
tls_new(const char *cert, const char *key, struct err *err)
{
	struct tls *tls = mem_new(sizeof(*tls));

	pthread_mutex_init(&tls->lock, NULL);
	tls->cert = mem_text(cert);
	tls->key = mem_text(key ? key : cert);
	if (!(tls->context = context_new(tls, err))) {
		tls_free(tls);
		return NULL;
	}
	return tls;
}

void
tls_free(struct tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->context);
	pthread_mutex_destroy(&tls->lock);
	free(tls->cert);
	free(tls->key);
	free(tls);
}

int
tls_reload(struct tls *tls, struct err *err)
{
	SSL_CTX *fresh = context_new(tls, err), *old;

	if (!fresh)
		return err->code;
	pthread_mutex_lock(&tls->lock);
	old = tls->context;
	tls->context = fresh;
	pthread_mutex_unlock(&tls->lock);
	SSL_CTX_free(old);                              /* connections that stand hold it */
	return 0;
}

struct tls_peer *
tls_accept(struct tls *tls, int fd)
{
	SSL *ssl;

	pthread_mutex_lock(&tls->lock);
	ssl = SSL_new(tls->context);
	pthread_mutex_unlock(&tls->lock);
	if (ssl && SSL_set_fd(ssl, fd) != 1) {
		SSL_free(ssl);
		ssl = NULL;
	}
	if (ssl)
		SSL_set_accept_state(ssl);
	ERR_clear_error();
	return (struct tls_peer *)ssl;
}

void
tls_peer_free(struct tls_peer *peer)
{
	SSL_free(ssl_of(peer));
}

/* What a call that did not succeed means. */
static int
judge(SSL *ssl, int rc)
{
	int why = SSL_get_error(ssl, rc);

	ERR_clear_error();                              /* the queue is the thread's: leave nothing for the next connection */
	switch (why) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE: return -1;
	case SSL_ERROR_ZERO_RETURN: return 0;
	}
	return -2;
}

int
tls_shake(struct tls_peer *peer)
{
	int rc = SSL_do_handshake(ssl_of(peer));

	return rc == 1 ? 1 : judge(ssl_of(peer), rc) == -1 ? 0 : -1;
}

ssize_t
tls_read(struct tls_peer *peer, void *to, size_t n)
{
	int rc = SSL_read(ssl_of(peer), to, n < INT32_MAX ? (int)n : INT32_MAX);

	return rc > 0 ? rc : judge(ssl_of(peer), rc);
}

ssize_t
tls_write(struct tls_peer *peer, const void *from, size_t n)
{
	int rc = SSL_write(ssl_of(peer), from, n < INT32_MAX ? (int)n : INT32_MAX);

	if (rc > 0)
		return rc;
	rc = judge(ssl_of(peer), rc);
	return rc == 0 ? -2 : rc;
}

void
tls_bye(struct tls_peer *peer)
{
	SSL_shutdown(ssl_of(peer));
	ERR_clear_error();
}

void
tls_websocket_accept(struct str key, char out[28])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	unsigned char text[128], hash[20], base64[29];
	size_t n = key.n < 64 ? key.n : 64;             /* it was checked to be of 24 */

	memcpy(text, key.p, n);
	memcpy(text + n, guid, sizeof(guid) - 1);
	EVP_Digest(text, n + sizeof(guid) - 1, hash, NULL, EVP_sha1(), NULL);
	EVP_EncodeBlock(base64, hash, sizeof(hash));
	memcpy(out, base64, 28);
}
