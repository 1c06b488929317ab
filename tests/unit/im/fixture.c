#include "tests/unit/im/fixture.h"

#include <glib/gstdio.h>
#include <string.h>

char *im_folder, *im_url;
struct im_source *source;
struct db *raw;

static const char *db_url(void)
{
	return im_url + strlen("prosody+");
}

static void open_raw(void)
{
	g_autoptr(GError) problem = NULL;
	raw = db_open(db_url(), DB_FOREIGN, &problem);
	ck_assert_msg(raw != NULL, "%s", problem != NULL ? problem->message : "");
}

static void load(const char *dump)
{
	const char *srcdir = g_getenv("srcdir") != NULL ? g_getenv("srcdir") : TEST_SRCDIR;
	g_autofree char *script = g_build_filename(srcdir, "tests/lib/prosodygen.py", NULL);
	g_autofree char *file = g_build_filename(srcdir, "tests/data", dump, NULL);
	const char *const words[] = {"/usr/bin/python3", script, "load", file, im_url, NULL};
	g_auto(GStrv) argv = g_strdupv((char **)(uintptr_t)words);
	g_autofree char *said = NULL;
	g_autoptr(GError) problem = NULL;
	int status = 0;
	ck_assert_msg(g_spawn_sync(NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, &said,
	                      &status, &problem),
	        "%s", problem != NULL ? problem->message : "");
	ck_assert_msg(g_spawn_check_wait_status(status, NULL), "%s", said);
}

void im_test_prepare(int engine)
{
	im_folder = g_dir_make_tmp("imexim.XXXXXX", NULL);
	ck_assert_ptr_nonnull(im_folder);
	if (engine == ENGINE_SQLITE) {
		im_url = g_strdup_printf("prosody+sqlite://%s/prosody.sqlite", im_folder);
		load("prosody.sql");
		open_raw();
	} else {
		im_url = g_strconcat("prosody+", g_getenv("IMEX_TEST_PG_URL"), NULL);
		open_raw();
		im_exec("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
		load("prosody-pg.sql");
	}
	im_reopen(IM_WRITE_NONE);
}

void im_reopen(enum im_write write)
{
	g_clear_pointer(&source, im_source_close);
	const struct im_source_options options = {.name = "prosody", .url = im_url, .write = write};
	g_autoptr(GError) problem = NULL;
	source = im_source_open_url(&options, &problem);
	ck_assert_msg(source != NULL, "%s", problem != NULL ? problem->message : "");
}

void im_test_done(void)
{
	g_clear_pointer(&source, im_source_close);
	g_clear_pointer(&raw, db_close);
	g_autoptr(GDir) dir = g_dir_open(im_folder, 0, NULL);
	const char *name;
	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *path = g_build_filename(im_folder, name, NULL);
		g_remove(path);
	}
	g_rmdir(im_folder);
	g_clear_pointer(&im_folder, g_free);
	g_clear_pointer(&im_url, g_free);
}

void im_exec(const char *sql)
{
	must(db_exec(raw, sql, error));
}

void im_check_error(GError **error, const char *reason, enum error_class error_class)
{
	ck_assert_msg(*error != NULL, "no error was set, expected %s", reason);
	ck_assert_msg(error_is(*error, reason), "expected %s, got %s: %s", reason,
	        error_reason(*error), (*error)->message);
	ck_assert_int_eq(error_class_of(*error), error_class);
	ck_assert_msg(
	        strchr((*error)->message, '\n') == NULL, "not one line: %s", (*error)->message);
	g_clear_error(error);
}

void im_note_odd(void *data, const struct im_odd *odd)
{
	GString *notes = data;
	if (notes->len > 0)
		g_string_append(notes, "; ");
	g_string_append_printf(notes, "%s %s", odd->reason, odd->key != NULL ? odd->key : "-");
	ck_assert_ptr_nonnull(odd->detail);
}
