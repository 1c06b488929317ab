/*
 * An LDAP directory: who there is, and what it says of a person.
 *
 * directory.c is the only file that knows libldap. Everything is read, nothing is written. A
 * struct directory belongs to one thread. TLS certificates are always checked, whatever ldap.conf
 * says; referrals are not followed, since they would lead to servers that nobody named.
 *
 *   directory.url          CONFIG  not an ldap://, ldaps:// or ldapi:// URL
 *   directory.setting      CONFIG  a setting of [ldap] is missing or does not fit the others
 *   directory.unreachable  RETRY   no connection, or no answer in time
 *   directory.tls          CONFIG  the certificate is not trusted, or the server has no TLS
 *   directory.login        CONFIG  the directory does not let us in
 *   directory.filter       CONFIG  not a search filter
 *   directory.base         CONFIG  there is no such entry to search under
 *   directory.refused      CONFIG  the directory does not let us read, or not all of it
 *   directory.too_large    CONFIG  more than DIRECTORY_MAX_ENTRIES entries
 *   directory.failed       RETRY   any other refusal; the sentence has the directory's words
 */
#ifndef IMEX_IM_DIRECTORY_H
#define IMEX_IM_DIRECTORY_H

#include "core/auto.h"
#include "core/config.h"

#include <glib.h>
#include <stdbool.h>

#define DIRECTORY_MAX_ENTRIES 1000000
#define DIRECTORY_MAX_BYTES (16 * 1024 * 1024) /* of one answer */

enum directory_auth {
	DIRECTORY_ANONYMOUS,
	DIRECTORY_SIMPLE, /* bind_dn and password */
	DIRECTORY_EXTERNAL, /* who the kernel says that we are, on ldapi:// */
};

struct directory_options {
	const char *url; /* one, or several separated by blanks: the first that answers is used */
	enum directory_auth auth;
	const char *bind_dn, *password; /* of DIRECTORY_SIMPLE */
	const char *ca_file; /* PEM; NULL: as ldap.conf says */
	bool start_tls; /* on ldap:// */
	unsigned timeout_s; /* of connecting and of each answer */
};

struct directory;

/* Connects and logs in. */
struct directory *directory_open(const struct directory_options *options, GError **error);
/* The one of section [ldap]. */
struct directory *directory_open_config(const struct config *config, GError **error);
void directory_close(struct directory *directory);
AUTO_DEFINE(directory, directory_close);

/* What was asked for of one entry; valid for the time of the call. */
struct directory_entry {
	const char *dn;
	/* Attribute as it was asked for -> GPtrArray of its values (char *): those that are text.
	 */
	GHashTable *values;
};
/* Borrowed from entry; *count is 0 and the result NULL when it has none. */
const char *directory_value(
        const struct directory_entry *entry, const char *attribute, unsigned *count);

typedef bool (*directory_entry_fn)(void *data, const struct directory_entry *entry, GError **error);

/*
 * All entries at and below base that match, with these attributes (NULL-ended), page by page;
 * false from each() stops. The directory must not be used from within each().
 */
bool directory_search(struct directory *directory, const char *base, const char *filter,
        const char *const *attributes, directory_entry_fn each, void *data, GError **error);

/* Owned: text as it stands for itself in a filter (RFC 4515). */
char *directory_escape(const char *text);

#endif
