#include "store/mailbox.h"

#include "core/clock.h"
#include "store/delivery.h"
#include "store/store_private.h"

#define PAGE 256

#define COLUMNS "mailbox_id, owner, smtp, upn, sip, server"

static struct mailbox *from_row(const struct db_result *row)
{
	struct mailbox *mailbox =
	        mailbox_new(db_column_text(row, 1), db_column_text(row, 2), db_column_text(row, 5));
	mailbox->id = db_column_int64(row, 0);
	mailbox->upn = db_column_dup(row, 3);
	mailbox->sip = db_column_dup(row, 4);
	return mailbox;
}

static bool read_one(struct store *store, const char *sql, struct db_value key,
        struct mailbox **out, GError **error)
{
	*out = NULL;
	autoptr(db_result) result = db_query(store->db, sql, DB_VALUES(key), error);
	if (result == NULL)
		return false;
	int got = db_next(result, error);
	if (got > 0)
		*out = from_row(result);
	return got >= 0;
}

bool store_mailbox_by_owner(
        struct store *store, const char *owner, struct mailbox **out, GError **error)
{
	return read_one(store,
	        "SELECT " COLUMNS " FROM mailbox WHERE mailbox_id ="
	        " (SELECT mailbox_id FROM lease WHERE owner = $1)",
	        db_text(owner), out, error);
}

bool store_mailbox_by_id(struct store *store, int64_t id, struct mailbox **out, GError **error)
{
	return read_one(store, "SELECT " COLUMNS " FROM mailbox WHERE mailbox_id = $1", db_int(id),
	        out, error);
}

static void refuse_remapped(
        const struct mailbox *pinned, const struct mailbox *mapped, GError **error)
{
	error_set(error, ERROR_MAILBOX, "mailbox.remapped",
	        "%s was mapped to %s on %s when imex first wrote for it, and the user map now says "
	        "%s "
	        "on %s: put the map back, or run imex user remap %s --confirm",
	        pinned->owner, pinned->smtp, pinned->server, mapped->smtp, mapped->server,
	        pinned->owner);
	if (error != NULL)
		error_set_subject(*error, pinned->owner);
}

bool store_mailbox_other_owner(
        struct store *store, const struct mailbox *mapped, char **other, GError **error)
{
	*other = NULL;
	return db_get_text(store->db,
	        "SELECT owner FROM lease WHERE server = $1 AND smtp = $2 AND owner <> $3",
	        DB_VALUES(db_text(mapped->server), db_text(mapped->smtp), db_text(mapped->owner)),
	        other, error);
}

/* Another owner on the same mailbox: found before the unique key refuses it. */
static bool refuse_taken(struct store *store, const struct mailbox *mapped, GError **error)
{
	g_autofree char *other = NULL;
	if (!store_mailbox_other_owner(store, mapped, &other, error))
		return false;
	if (other == NULL)
		return true;
	error_set(error, ERROR_MAILBOX, "mailbox.taken",
	        "%s is mapped to %s, which is the mailbox of %s already: correct the user map, so "
	        "that each mailbox has one owner; should %s be the new name of that user, run "
	        "imex user remap %s --from %s --confirm",
	        mapped->owner, mapped->smtp, other, mapped->owner, mapped->owner, other);
	if (error != NULL)
		error_set_subject(*error, mapped->owner);
	return false;
}

/* The directory row first: its id is the mailbox's. */
static bool insert(struct store *store, const struct mailbox *mapped, int64_t *id, GError **error)
{
	int64_t now = clock_utc_us();
	bool found = false;
	return store_run_returning(store,
	               "INSERT INTO lease (owner, server, smtp, due_utc_us)"
	               " VALUES ($1, $2, $3, $4) RETURNING mailbox_id",
	               DB_VALUES(db_text(mapped->owner), db_text(mapped->server),
	                       db_text(mapped->smtp), db_int(now)),
	               id, &found, error) &&
	       db_run(store->db,
	               "INSERT INTO mailbox (mailbox_id, owner, smtp, upn, sip, server,"
	               " pinned_utc_us) VALUES ($1, $2, $3, $4, $5, $6, $7)",
	               DB_VALUES(db_int(*id), db_text(mapped->owner), db_text(mapped->smtp),
	                       db_text(mapped->upn), db_text(mapped->sip), db_text(mapped->server),
	                       db_int(now)),
	               error);
}

static bool pin(struct store *store, const struct mailbox *mapped, int64_t *id, GError **error)
{
	autoptr(mailbox) pinned = NULL;
	if (!store_mailbox_by_owner(store, mapped->owner, &pinned, error))
		return false;
	if (pinned == NULL)
		return refuse_taken(store, mapped, error) && insert(store, mapped, id, error);
	if (!mailbox_equal(pinned, mapped)) {
		refuse_remapped(pinned, mapped, error);
		return false;
	}
	*id = pinned->id;
	return true;
}

bool store_mailbox_pin(
        struct store *store, const struct mailbox *mapped, int64_t *id, GError **error)
{
	return store_begin(store, error) && store_end(store, pin(store, mapped, id, error), error);
}

/* The generation of the old row moves on, so that a worker in the middle of a pass is stopped. */
static bool retire(struct store *store, int64_t id, GError **error)
{
	return db_run(store->db,
	               "UPDATE mailbox SET generation = generation + 1, retired_utc_us = $2"
	               " WHERE mailbox_id = $1",
	               DB_VALUES(db_int(id), db_int(clock_utc_us())), error) &&
	       db_run(store->db, "DELETE FROM pass WHERE mailbox_id = $1", DB_VALUES(db_int(id)),
	               error) &&
	       db_run(store->db, "DELETE FROM lease WHERE mailbox_id = $1", DB_VALUES(db_int(id)),
	               error);
}

static bool remap(struct store *store, const struct mailbox *mapped, int64_t *id, GError **error)
{
	autoptr(mailbox) pinned = NULL;
	if (!store_mailbox_by_owner(store, mapped->owner, &pinned, error))
		return false;
	if (pinned == NULL) {
		error_set(error, ERROR_MAILBOX, "mailbox.unknown",
		        "imex has not written for %s yet, so that there is no mapping to confirm: "
		        "the "
		        "user map counts as it is",
		        mapped->owner);
		return false;
	}
	*id = pinned->id;
	if (mailbox_equal(pinned, mapped))
		return true;
	return refuse_taken(store, mapped, error) && retire(store, pinned->id, error) &&
	       insert(store, mapped, id, error) &&
	       store_deliveries_move(store, pinned->id, *id, error);
}

bool store_mailbox_remap(
        struct store *store, const struct mailbox *mapped, int64_t *id, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store, remap(store, mapped, id, error), error);
}

static bool refuse_rename(const struct mailbox *pinned, const struct mailbox *mapped,
        const struct mailbox *own, GError **error)
{
	if (own != NULL)
		error_set(error, ERROR_MAILBOX, "mailbox.taken",
		        "%s has the mailbox %s already, and cannot take over that of %s",
		        mapped->owner, own->smtp, pinned->owner);
	else
		error_set(error, ERROR_MAILBOX, "mailbox.remapped",
		        "%s is mapped to %s on %s, and not to the mailbox of %s, %s on %s: correct "
		        "the user map",
		        mapped->owner, mapped->smtp, mapped->server, pinned->owner, pinned->smtp,
		        pinned->server);
	return false;
}

/* The roster of the new name is another one to the IM side: it is read in full. */
static bool rename_owner(struct store *store, const struct mailbox *pinned,
        const struct mailbox *mapped, GError **error)
{
	struct db_value id = db_int(pinned->id);
	return db_run(store->db,
	               "UPDATE lease SET owner = $2, generation = generation + 1 WHERE"
	               " mailbox_id = $1",
	               DB_VALUES(id, db_text(mapped->owner)), error) &&
	       db_run(store->db,
	               "UPDATE mailbox SET owner = $2, upn = $3, sip = $4,"
	               " generation = generation + 1 WHERE mailbox_id = $1",
	               DB_VALUES(id, db_text(mapped->owner), db_text(mapped->upn),
	                       db_text(mapped->sip)),
	               error) &&
	       db_run(store->db,
	               "UPDATE contact_status SET im_version = NULL, dirty = 1"
	               " WHERE mailbox_id = $1",
	               DB_VALUES(id), error) &&
	       db_run(store->db,
	               "UPDATE policy SET subject = $2 WHERE scope = 'user' AND subject = $1 AND"
	               " name NOT IN (SELECT name FROM policy WHERE scope = 'user' AND"
	               " subject = $2)",
	               DB_VALUES(db_text(pinned->owner), db_text(mapped->owner)), error);
}

static bool rename_checked(struct store *store, const char *old_owner, const struct mailbox *mapped,
        int64_t *id, GError **error)
{
	autoptr(mailbox) pinned = NULL;
	autoptr(mailbox) own = NULL;
	if (!store_mailbox_by_owner(store, old_owner, &pinned, error) ||
	        !store_mailbox_by_owner(store, mapped->owner, &own, error))
		return false;
	if (pinned == NULL) {
		error_set(error, ERROR_MAILBOX, "mailbox.unknown",
		        "imex has not written for %s, so that there is nothing to carry over to %s",
		        old_owner, mapped->owner);
		return false;
	}
	*id = pinned->id;
	if (own != NULL || !g_str_equal(pinned->smtp, mapped->smtp) ||
	        !g_str_equal(pinned->server, mapped->server))
		return refuse_rename(pinned, mapped, own, error);
	return rename_owner(store, pinned, mapped, error);
}

bool store_mailbox_rename(struct store *store, const char *old_owner, const struct mailbox *mapped,
        int64_t *id, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store, rename_checked(store, old_owner, mapped, id, error), error);
}

bool store_mailbox_confirmed(struct store *store, int64_t id, bool *confirmed, GError **error)
{
	int64_t when = 0;
	return db_get_int64(store->db, "SELECT confirmed_utc_us FROM mailbox WHERE mailbox_id = $1",
	        DB_VALUES(db_int(id)), &when, confirmed, error);
}

bool store_mailbox_set_confirmed(
        struct store *store, int64_t id, int64_t now_utc_us, GError **error)
{
	int64_t changed = 0;
	if (!store_run(store, "UPDATE mailbox SET confirmed_utc_us = $2 WHERE mailbox_id = $1",
	            DB_VALUES(db_int(id), db_int(now_utc_us)), &changed, error))
		return false;
	if (changed == 1)
		return true;
	error_set(error, ERROR_MAILBOX, "mailbox.unknown",
	        "mailbox %" G_GINT64_FORMAT " is not in the store any more: start again", id);
	return false;
}

static void free_mailbox(gpointer mailbox)
{
	mailbox_free(mailbox);
}

static bool read_page(struct store *store, const char *after, GPtrArray *page, GError **error)
{
	autoptr(db_result) result = db_query(store->db,
	        "SELECT " COLUMNS " FROM mailbox WHERE mailbox_id IN"
	        " (SELECT mailbox_id FROM lease WHERE owner > $1 ORDER BY owner LIMIT $2)"
	        " ORDER BY owner",
	        DB_VALUES(db_text(after), db_int(PAGE)), error);
	int got = result != NULL ? 1 : -1;
	while (got > 0 && (got = db_next(result, error)) > 0)
		g_ptr_array_add(page, from_row(result));
	return got == 0;
}

bool store_mailbox_each(struct store *store, store_mailbox_fn each, void *data, GError **error)
{
	g_autofree char *after = g_strdup("");
	for (;;) {
		g_autoptr(GPtrArray) page = g_ptr_array_new_with_free_func(free_mailbox);
		if (!read_page(store, after, page, error))
			return false;
		for (unsigned i = 0; i < page->len; i++)
			if (!each(page->pdata[i], data, error))
				return false;
		if (page->len < PAGE)
			return true;
		const struct mailbox *last = page->pdata[page->len - 1];
		g_free(after);
		after = g_strdup(last->owner);
	}
}
