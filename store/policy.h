/*
 * Policy: what imex may do for whom. Nothing acts until it is named.
 *
 * Each policy has a value per scope, and the narrower scope wins: user, then domain, then global,
 * then the built-in default. The names and values are the rows of policy_kinds[].
 *
 *   policy.unknown  CONFIG  no such policy; the sentence lists the names
 *   policy.value    CONFIG  not one of its values; the sentence lists them
 */
#ifndef IMEX_STORE_POLICY_H
#define IMEX_STORE_POLICY_H

#include "store/store.h"

enum policy_scope { POLICY_DEFAULT, POLICY_GLOBAL, POLICY_DOMAIN, POLICY_USER };

struct policy_kind {
	const char *name; /* "contacts" */
	/* Separated by "|", or the numbers "0..180"; the first is the default. */
	const char *values;
	const char *summary;
};

/* Ends with a row whose name is NULL. */
extern const struct policy_kind policy_kinds[];

const char *policy_scope_name(enum policy_scope scope); /* "default", "global" ... */

/*
 * subject: NULL for global, a domain, or a user's canonical IM address. value NULL: unset. Setting
 * what is set already changes nothing.
 */
bool store_policy_set(struct store *store, enum policy_scope scope, const char *subject,
        const char *name, const char *value, GError **error);

struct policy_decision {
	char *value; /* owned */
	enum policy_scope scope; /* the scope that decided */
	int64_t since_utc_us; /* since when it has that value there; 0: by default */
};
void policy_decision_clear(struct policy_decision *decision);

/* What holds for owner (a canonical IM address, whose domain counts). */
bool store_policy_resolve(struct store *store, const char *owner, const char *name,
        struct policy_decision *out, GError **error);
/* Whether the value that holds is this one. */
bool store_policy_is(struct store *store, const char *owner, const char *name, const char *value,
        bool *is, GError **error);

/*
 * Whether the contacts of owner may be put into the mailbox, and from when on: contacts.delay
 * counts from the time when they were allowed.
 */
struct policy_contacts {
	bool allowed;
	enum policy_scope scope; /* the scope that decided */
	int64_t from_utc_us; /* 0 when not allowed */
};
bool store_policy_contacts(
        struct store *store, const char *owner, struct policy_contacts *out, GError **error);

/* One row as it was set; for listing and explaining. */
struct policy_row {
	enum policy_scope scope;
	char *subject; /* "" for global */
	char *name;
	char *value;
};
void policy_row_free(struct policy_row *row);
AUTO_DEFINE(policy_row, policy_row_free);

/* All rows, by name, then widest scope first, then subject; a GPtrArray of struct policy_row. */
GPtrArray *store_policy_list(struct store *store, GError **error);

#endif
