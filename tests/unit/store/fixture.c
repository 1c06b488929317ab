#include "tests/unit/store/fixture.h"

#include "core/clock.h"
#include "db/db.h"

#include <glib/gstdio.h>
#include <string.h>

struct store *store, *other;
char *store_url, *store_folder;

static void empty_postgresql(void)
{
	g_autoptr(GError) problem = NULL;
	autoptr(db) db = db_open(store_url, 0, &problem);
	ck_assert_msg(db != NULL, "%s", problem != NULL ? problem->message : "");
	must(db_exec(db, "DROP SCHEMA public CASCADE; CREATE SCHEMA public", error));
}

void store_test_prepare(int engine)
{
	store_folder = g_dir_make_tmp("imexstore.XXXXXX", NULL);
	ck_assert_ptr_nonnull(store_folder);
	if (engine == ENGINE_SQLITE) {
		store_url = g_strdup_printf("sqlite://%s/imex.db", store_folder);
	} else {
		store_url = g_strdup(g_getenv("IMEX_TEST_PG_URL"));
		empty_postgresql();
	}
}

void store_open_both(void)
{
	g_autoptr(GError) problem = NULL;
	store = store_open(store_url, STORE_CREATE, &problem);
	ck_assert_msg(store != NULL, "%s", problem != NULL ? problem->message : "");
	other = store_open(store_url, STORE_EXISTING, &problem);
	ck_assert_msg(other != NULL, "%s", problem != NULL ? problem->message : "");
}

void store_test_done(void)
{
	g_clear_pointer(&store, store_close);
	g_clear_pointer(&other, store_close);
	g_autoptr(GDir) dir = g_dir_open(store_folder, 0, NULL);
	const char *name;
	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *path = g_build_filename(store_folder, name, NULL);
		g_remove(path);
	}
	g_rmdir(store_folder);
	g_clear_pointer(&store_folder, g_free);
	g_clear_pointer(&store_url, g_free);
}

int64_t store_test_mailbox(const char *owner)
{
	autoptr(mailbox) mapped = mailbox_new(owner, owner, "exchange");
	int64_t id = 0;
	must(store_mailbox_pin(store, mapped, &id, error));
	return id;
}

struct lease *store_test_lease(struct store *by, int64_t mailbox_id, int64_t now_utc_us)
{
	struct lease *lease = NULL;
	g_autofree char *holder = lease_holder_new();
	must(store_lease_claim_mailbox(by, mailbox_id, holder, now_utc_us, 3600, &lease, error));
	return lease;
}

void check_reason(GError **error, const char *reason)
{
	ck_assert_msg(*error != NULL, "no error was set, expected %s", reason);
	ck_assert_msg(error_is(*error, reason), "expected %s, got %s: %s", reason,
	        error_reason(*error), (*error)->message);
	ck_assert_msg(
	        strchr((*error)->message, '\n') == NULL, "not one line: %s", (*error)->message);
	g_clear_error(error);
}
