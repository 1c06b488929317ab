#include "store/pause.h"

#include "store/store_private.h"

static const char *const scope_names[] = {"all", "server", "user"};

const char *pause_scope_name(enum pause_scope scope)
{
	return scope_names[scope];
}

bool store_pause_set(struct store *store, enum pause_scope scope, const char *subject,
        enum pass_kind kind, int64_t now_utc_us, GError **error)
{
	return db_run(store->db,
	        "INSERT INTO pause (scope, subject, kind, since_utc_us) VALUES ($1, $2, $3, $4)"
	        " ON CONFLICT (scope, subject, kind) DO NOTHING",
	        DB_VALUES(db_text(pause_scope_name(scope)), db_text(subject),
	                db_text(pass_kind_name(kind)), db_int(now_utc_us)),
	        error);
}

bool store_pause_clear(struct store *store, enum pause_scope scope, const char *subject,
        enum pass_kind kind, bool *found, GError **error)
{
	int64_t changed = 0;
	if (!store_run(store, "DELETE FROM pause WHERE scope = $1 AND subject = $2 AND kind = $3",
	            DB_VALUES(db_text(pause_scope_name(scope)), db_text(subject),
	                    db_text(pass_kind_name(kind))),
	            &changed, error))
		return false;
	if (found != NULL)
		*found = changed > 0;
	return true;
}

bool store_paused(struct store *store, const struct mailbox *mailbox, enum pass_kind kind,
        bool *paused, GError **error)
{
	int64_t count = 0;
	if (!db_get_int64(store->db,
	            "SELECT count(*) FROM pause WHERE kind = $1 AND (scope = 'all'"
	            " OR (scope = 'server' AND subject = $2) OR (scope = 'user' AND subject = $3))",
	            DB_VALUES(db_text(pass_kind_name(kind)), db_text(mailbox->server),
	                    db_text(mailbox->owner)),
	            &count, NULL, error))
		return false;
	*paused = count > 0;
	return true;
}

void pause_free(struct pause *pause)
{
	g_free(pause->subject);
	g_free(pause);
}

static void free_pause(gpointer pause)
{
	pause_free(pause);
}

static enum pause_scope scope_from_name(const char *name)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(scope_names); i++)
		if (g_strcmp0(name, scope_names[i]) == 0)
			return (enum pause_scope)i;
	return PAUSE_ALL;
}

GPtrArray *store_pause_list(struct store *store, GError **error)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(free_pause);
	autoptr(db_result) rows = db_query(store->db,
	        "SELECT scope, subject, kind, since_utc_us FROM pause"
	        " ORDER BY since_utc_us, scope, subject, kind",
	        DB_NO_VALUES, error);
	int got = rows != NULL ? 1 : -1;
	while (got > 0 && (got = db_next(rows, error)) > 0) {
		struct pause *pause = g_new0(struct pause, 1);
		pause->scope = scope_from_name(db_column_text(rows, 0));
		pause->subject = db_column_dup(rows, 1);
		bool contacts = g_strcmp0(db_column_text(rows, 2), "contacts") == 0;
		pause->kind = contacts ? PASS_CONTACTS : PASS_ARCHIVE;
		pause->since_utc_us = db_column_int64(rows, 3);
		g_ptr_array_add(list, pause);
	}
	return got == 0 ? g_steal_pointer(&list) : NULL;
}
