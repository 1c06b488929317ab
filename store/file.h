/*
 * Files that conversations link to: each content once, by its SHA-256, and what became of each
 * link.
 */
#ifndef IMEX_STORE_FILE_H
#define IMEX_STORE_FILE_H

#include "core/auto.h"
#include "store/store.h"

#include <glib.h>

struct file_link {
	char *url;
	char *hash; /* SHA-256, hexadecimal, of its content; NULL: not fetched */
	char *reason; /* a sentence: why it never will be; NULL: may be tried again */
	int64_t first_try_utc_us, next_try_utc_us;
};
void file_link_free(struct file_link *link);
AUTO_DEFINE(file_link, file_link_free);

/* *out is owned, NULL when that link was never tried. */
bool store_file_link_get(
        struct store *store, const char *url, struct file_link **out, GError **error);
/* What has been fetched stays: a link that has a hash is not changed any more. */
bool store_file_link_put(struct store *store, const struct file_link *link, GError **error);
/* content: of link->hash. In one transaction with the link. */
bool store_file_put(
        struct store *store, const struct file_link *link, GBytes *content, GError **error);
/* *content is owned, NULL when it is not there. */
bool store_file_content(struct store *store, const char *hash, GBytes **content, GError **error);

#endif
