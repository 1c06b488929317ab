#include "core/digest.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256;

/* Looked up once: OpenSSL 3 would search its providers at every beginning. */
static void fetch(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

/* struct digest is OpenSSL's context. */
static EVP_MD_CTX *context_of(struct digest *digest)
{
	return (EVP_MD_CTX *)(void *)digest;
}

static void check(int result)
{
	g_assert(result == 1);
}

struct digest *digest_begin(void)
{
	pthread_once(&once, fetch);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	g_assert(context != NULL && sha256 != NULL);
	check(EVP_DigestInit_ex2(context, sha256, NULL));
	return (struct digest *)(void *)context;
}

void digest_add(struct digest *digest, const void *bytes, size_t len)
{
	check(EVP_DigestUpdate(context_of(digest), bytes, len));
}

void digest_add_text(struct digest *digest, const char *text)
{
	digest_add(digest, text, strlen(text) + 1);
}

void digest_end_raw(struct digest *digest, unsigned char out[DIGEST_BYTES])
{
	check(EVP_DigestFinal_ex(context_of(digest), out, NULL));
	EVP_MD_CTX_free(context_of(digest));
}

char *digest_end(struct digest *digest)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char raw[DIGEST_BYTES];
	char *hex = g_malloc(2 * DIGEST_BYTES + 1);
	digest_end_raw(digest, raw);
	for (unsigned i = 0; i < DIGEST_BYTES; i++) {
		hex[2 * i] = digits[raw[i] >> 4];
		hex[2 * i + 1] = digits[raw[i] & 15];
	}
	hex[2 * DIGEST_BYTES] = '\0';
	return hex;
}

char *digest_of(const void *bytes, size_t len)
{
	struct digest *digest = digest_begin();
	digest_add(digest, bytes, len);
	return digest_end(digest);
}

char *digest_of_bytes(GBytes *bytes)
{
	size_t len = 0;
	const void *data = g_bytes_get_data(bytes, &len);
	return digest_of(data, len);
}
