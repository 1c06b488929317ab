/*
 * For tests that need a store: each test runs once per engine, on an empty store of its own.
 *
 *	STORE_TEST(pinned)
 *	{
 *		must(store_property_set(store, "a", "b", error));
 *	}
 *	...
 *	store_test_add(tcase, pinned);
 */
#ifndef IMEX_TESTS_UNIT_STORE_FIXTURE_H
#define IMEX_TESTS_UNIT_STORE_FIXTURE_H

#include "core/error.h"
#include "store/lease.h"
#include "store/mailbox.h"
#include "store/store.h"

#include <check.h>

enum { ENGINE_SQLITE, ENGINE_POSTGRESQL, ENGINES };

/* Two connections to one store, as two workers would have them; its URL; a folder for files. */
extern struct store *store, *other;
extern char *store_url, *store_folder;

/* Empties the database of that engine; store_open_both() then makes a store in it. */
void store_test_prepare(int engine);
void store_open_both(void);
void store_test_done(void);

#define STORE_TEST(name)                                                                           \
	static void name##_body(void);                                                             \
	START_TEST(name)                                                                           \
	{                                                                                          \
		store_test_prepare(_i);                                                            \
		store_open_both();                                                                 \
		name##_body();                                                                     \
		store_test_done();                                                                 \
	}                                                                                          \
	END_TEST                                                                                   \
	static void name##_body(void)

#define store_test_add(tcase, name) tcase_add_loop_test(tcase, name, 0, ENGINES)

/* A mailbox that is pinned and due, mapped to OWNER's own address on server "exchange". */
int64_t store_test_mailbox(const char *owner);
/* A lease on it, an hour long. The caller frees it. */
struct lease *store_test_lease(struct store *by, int64_t mailbox_id, int64_t now_utc_us);

/* The error must have that reason, be one line, and is freed. */
void check_reason(GError **error, const char *reason);

#define must(call)                                                                                 \
	do {                                                                                       \
		g_autoptr(GError) error_ = NULL;                                                   \
		GError **error = &error_;                                                          \
		bool done_ = (call);                                                               \
		ck_assert_msg(done_ &&error_ == NULL, "%s: %s", #call,                             \
		        error_ != NULL ? error_->message : "false without an error");              \
	} while (0)

#define must_fail(call, reason)                                                                    \
	do {                                                                                       \
		GError *error_ = NULL;                                                             \
		GError **error = &error_;                                                          \
		ck_assert_msg(!(call), "%s worked", #call);                                        \
		check_reason(&error_, reason);                                                     \
	} while (0)

#endif
