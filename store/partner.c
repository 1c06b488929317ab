#include "store/partner.h"

#include "store/store_private.h"

#include <string.h>

static bool bump_version(struct store *store, GError **error)
{
	return store_run(
	        store, "UPDATE partner_version SET number = number + 1", DB_NO_VALUES, NULL, error);
}

static bool put_row(struct store *store, const struct partner *p, GError **error)
{
	return store_run(store,
	        "INSERT INTO partner (name, app_id, realm, issuer, metadata_url,"
	        " authorization_server, trust, enabled, verified, accept_sid, refreshed_utc_us,"
	        " tried_utc_us, alarm)"
	        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
	        " ON CONFLICT (name) DO UPDATE SET app_id = $2, realm = $3, issuer = $4,"
	        " metadata_url = $5, authorization_server = $6, trust = $7, enabled = $8,"
	        " verified = $9, accept_sid = $10, refreshed_utc_us = $11, tried_utc_us = $12,"
	        " alarm = $13",
	        DB_VALUES(db_text(p->name), db_text(p->app_id), db_text(p->realm),
	                db_text(p->issuer), db_text(p->metadata_url),
	                db_text(p->authorization_server), db_text(partner_trust_name(p->trust)),
	                db_int(p->enabled), db_int(p->verified), db_int(p->accept_sid),
	                db_int(p->refreshed_utc_us), db_int(p->tried_utc_us), db_text(p->alarm)),
	        NULL, error);
}

static bool put_keys(struct store *store, const struct partner *partner, GError **error)
{
	if (!store_run(store, "DELETE FROM partner_key WHERE name = $1",
	            DB_VALUES(db_text(partner->name)), NULL, error))
		return false;
	for (guint i = 0; i < partner->keys->len; i++) {
		const struct partner_key *key = g_ptr_array_index(partner->keys, i);
		gsize len = 0;
		const guchar *der = g_bytes_get_data(key->der, &len);
		g_autofree char *certificate = g_base64_encode(der, len);
		if (!store_run(store,
		            "INSERT INTO partner_key (name, position, x5t, certificate,"
		            " not_before_utc_us, not_after_utc_us, held, usable_utc_us)"
		            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		            DB_VALUES(db_text(partner->name), db_int(i), db_text(key->x5t),
		                    db_text(certificate), db_int(key->not_before_utc_us),
		                    db_int(key->not_after_utc_us),
		                    db_int(key->state == PARTNER_KEY_HELD),
		                    db_int(key->usable_utc_us)),
		            NULL, error))
			return false;
	}
	return true;
}

static bool put_origin_list(struct store *store, const char *name, const char *kind,
        const GPtrArray *origins, GError **error)
{
	for (guint i = 0; i < origins->len; i++)
		if (!store_run(store,
		            "INSERT INTO partner_origin (name, kind, origin) VALUES ($1, $2, $3)",
		            DB_VALUES(db_text(name), db_text(kind),
		                    db_text(g_ptr_array_index(origins, i))),
		            NULL, error))
			return false;
	return true;
}

static bool put_origins(struct store *store, const struct partner *partner, GError **error)
{
	return store_run(store, "DELETE FROM partner_origin WHERE name = $1",
	               DB_VALUES(db_text(partner->name)), NULL, error) &&
	       put_origin_list(store, partner->name, "token", partner->origins, error) &&
	       put_origin_list(store, partner->name, "endpoint", partner->endpoints, error);
}

/* Asked for beforehand, because an error inside a transaction would spoil it. */
static bool issuer_is_free(struct store *store, const struct partner *partner, GError **error)
{
	g_autofree char *owner = NULL;
	if (!db_get_text(store->db, "SELECT name FROM partner WHERE issuer = $1 AND name <> $2",
	            DB_VALUES(db_text(partner->issuer), db_text(partner->name)), &owner, error))
		return false;
	if (owner == NULL)
		return true;
	error_set(error, ERROR_CONFIG, "partner.issuer_taken",
	        "the issuer %s is the partner %s already, so that %s would be the same one twice: "
	        "remove or change that one first",
	        partner->issuer, owner, partner->name);
	return false;
}

bool store_partner_put(struct store *store, const struct partner *partner, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store,
	               issuer_is_free(store, partner, error) && put_row(store, partner, error) &&
	                       put_keys(store, partner, error) &&
	                       put_origins(store, partner, error) && bump_version(store, error),
	               error);
}

static bool load_keys(struct store *store, struct partner *partner, GError **error)
{
	autoptr(db_result) rows = db_query(store->db,
	        "SELECT x5t, certificate, not_before_utc_us, not_after_utc_us, held, usable_utc_us"
	        " FROM partner_key WHERE name = $1 ORDER BY position",
	        DB_VALUES(db_text(partner->name)), error);
	int got = rows != NULL ? db_next(rows, error) : -1;
	for (; got == 1; got = db_next(rows, error)) {
		struct partner_key *key = g_new0(struct partner_key, 1);
		gsize len = 0;
		guchar *der = g_base64_decode(db_column_text(rows, 1), &len);
		key->x5t = db_column_dup(rows, 0);
		key->der = g_bytes_new_take(der, len);
		key->not_before_utc_us = db_column_int64(rows, 2);
		key->not_after_utc_us = db_column_int64(rows, 3);
		key->state = db_column_int64(rows, 4) != 0 ? PARTNER_KEY_HELD : PARTNER_KEY_ACTIVE;
		key->usable_utc_us = db_column_int64(rows, 5);
		g_ptr_array_add(partner->keys, key);
	}
	return got == 0;
}

static bool load_origins(struct store *store, struct partner *partner, GError **error)
{
	autoptr(db_result) rows = db_query(store->db,
	        "SELECT kind, origin FROM partner_origin WHERE name = $1 ORDER BY kind, origin",
	        DB_VALUES(db_text(partner->name)), error);
	int got = rows != NULL ? db_next(rows, error) : -1;
	for (; got == 1; got = db_next(rows, error))
		g_ptr_array_add(g_str_equal(db_column_text(rows, 0), "token") ? partner->origins
		                                                              : partner->endpoints,
		        db_column_dup(rows, 1));
	return got == 0;
}

static struct partner *row_partner(const struct db_result *rows)
{
	struct partner *partner = partner_new(db_column_text(rows, 0));
	partner->app_id = db_column_dup(rows, 1);
	partner->realm = db_column_dup(rows, 2);
	partner->issuer = db_column_dup(rows, 3);
	partner->metadata_url = db_column_dup(rows, 4);
	partner->authorization_server = db_column_dup(rows, 5);
	/* The schema lets no other word in; an unknown one would trust the least. */
	if (!partner_trust_parse(db_column_text(rows, 6), &partner->trust))
		partner->trust = PARTNER_APPLICATION;
	partner->enabled = db_column_int64(rows, 7) != 0;
	partner->verified = db_column_int64(rows, 8) != 0;
	partner->accept_sid = db_column_int64(rows, 9) != 0;
	partner->refreshed_utc_us = db_column_int64(rows, 10);
	partner->tried_utc_us = db_column_int64(rows, 11);
	partner->alarm = db_column_dup(rows, 12);
	return partner;
}

#define COLUMNS                                                                                    \
	"name, app_id, realm, issuer, metadata_url, authorization_server, trust, enabled,"         \
	" verified, accept_sid, refreshed_utc_us, tried_utc_us, alarm"

static void partner_destroy(gpointer partner)
{
	partner_free(partner);
}

/* The rows of partner alone; name NULL: all. Owned. */
static GPtrArray *load_rows(struct store *store, const char *name, GError **error)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(partner_destroy);
	autoptr(db_result) rows =
	        name != NULL
	                ? db_query(store->db, "SELECT " COLUMNS " FROM partner WHERE name = $1",
	                          DB_VALUES(db_text(name)), error)
	                : db_query(store->db, "SELECT " COLUMNS " FROM partner ORDER BY name",
	                          DB_NO_VALUES, error);
	int got = rows != NULL ? db_next(rows, error) : -1;
	for (; got == 1; got = db_next(rows, error))
		g_ptr_array_add(list, row_partner(rows));
	return got == 0 ? g_steal_pointer(&list) : NULL;
}

static bool load_parts(struct store *store, GPtrArray *list, GError **error)
{
	for (guint i = 0; i < list->len; i++) {
		struct partner *partner = g_ptr_array_index(list, i);
		if (!load_keys(store, partner, error) || !load_origins(store, partner, error))
			return false;
	}
	return true;
}

/* In one transaction, so that a partner's keys are those of its row. */
static GPtrArray *load(struct store *store, const char *name, GError **error)
{
	if (!store_begin(store, error))
		return NULL;
	g_autoptr(GPtrArray) list = load_rows(store, name, error);
	bool good = list != NULL && load_parts(store, list, error);
	return store_end(store, good, error) ? g_steal_pointer(&list) : NULL;
}

static void absent(const char *name, GError **error)
{
	error_set(error, ERROR_CONFIG, "partner.absent",
	        "there is no partner application %s: imex partner list shows those there are",
	        name);
}

struct partner *store_partner_get(struct store *store, const char *name, GError **error)
{
	g_autoptr(GPtrArray) list = load(store, name, error);
	if (list == NULL)
		return NULL;
	if (list->len == 0) {
		absent(name, error);
		return NULL;
	}
	return g_ptr_array_steal_index(list, 0);
}

GPtrArray *store_partner_list(struct store *store, GError **error)
{
	return load(store, NULL, error);
}

static bool remove_row(struct store *store, const char *name, GError **error)
{
	int64_t changed = 0;
	if (!store_run(store, "DELETE FROM partner WHERE name = $1", DB_VALUES(db_text(name)),
	            &changed, error))
		return false;
	if (changed == 1)
		return bump_version(store, error);
	absent(name, error);
	return false;
}

bool store_partner_remove(struct store *store, const char *name, GError **error)
{
	return store_begin(store, error) && store_end(store, remove_row(store, name, error), error);
}

bool store_partner_tried(struct store *store, const char *name, int64_t tried_utc_us,
        const char *alarm, GError **error)
{
	return store_run(store, "UPDATE partner SET tried_utc_us = $2, alarm = $3 WHERE name = $1",
	        DB_VALUES(db_text(name), db_int(tried_utc_us), db_text(alarm)), NULL, error);
}

bool store_partner_version(struct store *store, int64_t *version, GError **error)
{
	return db_get_int64(store->db, "SELECT number FROM partner_version", DB_NO_VALUES, version,
	        NULL, error);
}
