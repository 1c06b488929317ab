/*
 * Contacts and groups of an IM contact list, in the canonical form that both sides are turned into.
 *
 * A contact's key is its canonical IM-side address (core/address.h), or "tel:+..." for a contact
 * that is only a telephone number. Groups are a set of names: kept sorted by bytes and without
 * duplicates; names are Unicode NFC and case sensitive.
 */
#ifndef IMEX_MODEL_CONTACT_H
#define IMEX_MODEL_CONTACT_H

#include "core/auto.h"

#include <glib.h>
#include <stdbool.h>

struct contact {
	char *key;
	char *name; /* display name, or NULL */
	char *tel_uri; /* "tel:+..." of a contact reachable by telephone, or NULL */
	GPtrArray *groups; /* of char *: sorted, unique; owned */
};

struct contact *contact_new(const char *key, const char *name);
struct contact *contact_copy(const struct contact *contact);
void contact_free(struct contact *contact);
AUTO_DEFINE(contact, contact_free);

/* Adds to the set; a name already there, or an empty one, changes nothing. */
void contact_add_group(struct contact *contact, const char *group);
void contact_remove_group(struct contact *contact, const char *group);
bool contact_in_group(const struct contact *contact, const char *group);
bool contact_same_groups(const struct contact *a, const struct contact *b);
/* Same key, name, telephone and groups; an empty name is no name. */
bool contact_equal(const struct contact *a, const struct contact *b);
/* Whether b says nothing that a does not: no name or the same, no telephone or the same, and no
 * group that a is not in. */
bool contact_covers(const struct contact *a, const struct contact *b);

/*
 * SHA-256 of the canonical form (hex, 64 characters, owned): equal exactly when contact_equal().
 */
char *contact_hash(const struct contact *contact);

enum group_kind {
	GROUP_KIND_USER,
	GROUP_KIND_DISTRIBUTION, /* a distribution group: smtp names it */
	GROUP_KIND_TAGGED,
	GROUP_KIND_OTHER, /* "Other Contacts": those in no other group */
	GROUP_KIND_FAVORITES,
};

struct group {
	char *name;
	enum group_kind kind;
	char *smtp; /* of a distribution group, else NULL */
	char *store_id; /* the mail server's id, or NULL */
	char *change_key; /* the mail server's change key, or NULL */
};

struct group *group_new(const char *name, enum group_kind kind);
struct group *group_copy(const struct group *group);
void group_free(struct group *group);
AUTO_DEFINE(group, group_free);

/*
 * Whether being a member is an entry in a contact's set of groups: not so for "Other Contacts",
 * which is being in no group, nor for distribution groups, whose members the directory knows.
 */
bool group_is_set(const struct group *group);

const char *group_kind_name(enum group_kind kind);
bool group_kind_parse(const char *name, enum group_kind *kind);

#endif
