/*
 * SHA-256 (FIPS 180-4), by OpenSSL, which uses what the processor has for it.
 *
 *	struct digest *digest = digest_begin();
 *	digest_add(digest, bytes, len);
 *	char *hex = digest_end(digest);
 *
 * Any thread; one digest belongs to one thread. Nothing here can fail but for want of memory, which
 * aborts.
 */
#ifndef IMEX_CORE_DIGEST_H
#define IMEX_CORE_DIGEST_H

#include <glib.h>
#include <stddef.h>

#define DIGEST_BYTES 32

struct digest;
struct digest *digest_begin(void);
void digest_add(struct digest *digest, const void *bytes, size_t len);
/* The text with the NUL at its end, which keeps two fields apart. */
void digest_add_text(struct digest *digest, const char *text);
/* Both free the digest. The hexadecimal form has small letters and is owned by the caller. */
void digest_end_raw(struct digest *digest, unsigned char out[DIGEST_BYTES]);
char *digest_end(struct digest *digest);

/* All in one. */
char *digest_of(const void *bytes, size_t len);
char *digest_of_bytes(GBytes *bytes);

#endif
