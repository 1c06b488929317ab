/*
 * What the user map is made of: lines of its file, and what the IM servers or a directory know. For
 * the files of the user map only.
 */
#ifndef IMEX_SYNC_USERMAP_PRIVATE_H
#define IMEX_SYNC_USERMAP_PRIVATE_H

#include "core/config.h"

#include <glib.h>

/* A larger file is no user map: this holds 500,000 users. */
#define USERMAP_FILE_MAX_BYTES (64 * 1024 * 1024)

struct usermap_entry {
	char *owner; /* canonical, as all addresses here */
	char *smtp;
	char *upn; /* NULL unless given */
	char *sip; /* NULL unless given */
	char *server; /* NULL unless given */
	unsigned line; /* of the file; 0: found by a source or a directory */
	char *problem; /* why it gives no mailbox, or NULL */
	bool shared; /* the problem is that somebody else has the same */
};
void usermap_entry_free(struct usermap_entry *entry);

/*
 * A GPtrArray of struct usermap_entry, which the caller takes one by one; it frees only itself.
 * NULL with usermap.file, which names the file and the line.
 */
GPtrArray *usermap_file_read(const char *path, GError **error);

/*
 * The same of the users that the configuration's sources or its directory know; smtp is NULL where
 * there is a problem. Errors: those of im/source.h and im/directory.h, usermap.ldap.
 */
GPtrArray *usermap_source_read(const struct config *config, GError **error);
GPtrArray *usermap_ldap_read(const struct config *config, GError **error);

#endif
