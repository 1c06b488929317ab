/*
 * imex's own state, in domain verbs.
 *
 * One store is one database connection and belongs to one thread. The verbs stand in a header per
 * noun (mailbox.h, lease.h, policy.h ...). Secrets are never in the store.
 *
 * Errors are those of db/db.h (db.busy, db.unreachable, db.corrupt ...) and of reason store.*:
 *   store.absent    CONFIG  there is no store at that URL: run imex init
 *   store.foreign   CONFIG  the database holds tables of another program
 *   store.older     CONFIG  its schema is older than this imex: run imex store upgrade
 *   store.newer     CONFIG  its schema is newer than this imex: install that imex or a later one
 *   store.backup    CONFIG  the copy before an upgrade could not be made; nothing was changed
 *   store.aborted   RETRY   an inner transaction failed, so that the outer cannot be committed
 */
#ifndef IMEX_STORE_STORE_H
#define IMEX_STORE_STORE_H

#include "core/auto.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum store_open_mode {
	STORE_EXISTING, /* the schema must be current */
	STORE_CREATE, /* make it; one that is there already must be current */
	STORE_UPGRADE, /* must be there; bring its schema up to date (SQLite: backed up first) */
};

struct store;

/* url: sqlite:///FILE or postgresql://... */
struct store *store_open(const char *url, enum store_open_mode mode, GError **error);
void store_close(struct store *store);
AUTO_DEFINE(store, store_close);

/* What STORE_UPGRADE did: schema numbers before and after; the copy's path or NULL (borrowed). */
struct store_upgrade_report {
	int from, to;
	const char *backup_path;
};
struct store_upgrade_report store_upgrade_report(const struct store *store);

/* For messages: the URL without its password. Borrowed. */
const char *store_name(const struct store *store);

/*
 * Transactions. They may nest: an inner one joins the outer, and its rollback leaves the outer only
 * the way of rolling back, too. Every verb that changes more than one row opens one of its own, so
 * a caller who wants several verbs in one transaction puts store_begin() and store_end() around
 * them.
 */
bool store_begin(struct store *store, GError **error);
bool store_commit(struct store *store, GError **error);
/* Cannot fail; does nothing when none is open. */
void store_rollback(struct store *store);
/*
 * Commits when good is true, else rolls back; true when committed:
 *	return store_begin(store, error) && store_end(store, work(store, error), error);
 */
bool store_end(struct store *store, bool good, GError **error);

/*
 * Relaxed commits (db_set_relaxed()) are for what can be done again as long as nobody else has seen
 * it: reading both sides, planning. What others are about to see, a request that changes something,
 * must be preceded by a firm one, which makes those before it last, too. store_relax() does nothing
 * inside a transaction and cannot fail: at worst commits last.
 */
void store_relax(struct store *store, bool relaxed);
/* As store_begin(); when it is the outermost, its commit lasts even while the store is relaxed. */
bool store_begin_firm(struct store *store, GError **error);

/*
 * One transaction around the changes of many mailboxes and conversations, so that they cost one
 * flush to disk together. Only SQLite, where all is one file, has it; on PostgreSQL, where no
 * transaction spans mailboxes and conversations, a group begins nothing and each change stands
 * alone. So what is grouped must be right either way: changes that may be made again.
 */
bool store_group_begin(struct store *store, GError **error);
bool store_group_end(struct store *store, bool good, GError **error);

/* Small facts about the whole installation, by name ("imexd.reload_error"). value NULL: unset. */
bool store_property_get(struct store *store, const char *name, char **value, GError **error);
bool store_property_set(struct store *store, const char *name, const char *value, GError **error);

#endif
