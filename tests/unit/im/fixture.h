/*
 * For tests that need a source: a Prosody database made from the dump in tests/data, on the engine
 * of the loop.
 */
#ifndef IMEX_TESTS_UNIT_IM_FIXTURE_H
#define IMEX_TESTS_UNIT_IM_FIXTURE_H

#include "core/error.h"
#include "db/db.h"
#include "im/source.h"

#include <check.h>

enum { ENGINE_SQLITE, ENGINE_POSTGRESQL, ENGINES };

extern char *im_folder, *im_url; /* "prosody+..." */
extern struct im_source *source; /* write = none, unless im_reopen() was called */
extern struct db *raw; /* for changing rows behind its back */

void im_test_prepare(int engine);
void im_reopen(enum im_write write);
void im_test_done(void);

#define IM_TEST(name)                                                                              \
	static void name##_body(void);                                                             \
	START_TEST(name)                                                                           \
	{                                                                                          \
		im_test_prepare(_i);                                                               \
		name##_body();                                                                     \
		im_test_done();                                                                    \
	}                                                                                          \
	END_TEST                                                                                   \
	static void name##_body(void)

#define im_test_add(tcase, name) tcase_add_loop_test(tcase, name, 0, ENGINES)

void im_exec(const char *sql);
/* The error must have that reason and class, be one line, and is freed. */
void im_check_error(GError **error, const char *reason, enum error_class error_class);
/* "reason key" of each, one after the other with "; " between. */
void im_note_odd(void *data, const struct im_odd *odd);

#define must(call)                                                                                 \
	do {                                                                                       \
		g_autoptr(GError) error_ = NULL;                                                   \
		GError **error = &error_;                                                          \
		bool done_ = (call);                                                               \
		ck_assert_msg(done_ &&error_ == NULL, "%s: %s", #call,                             \
		        error_ != NULL ? error_->message : "false without an error");              \
	} while (0)

#define must_fail(call, reason, error_class)                                                       \
	do {                                                                                       \
		GError *error_ = NULL;                                                             \
		GError **error = &error_;                                                          \
		ck_assert_msg(!(call), "%s worked", #call);                                        \
		im_check_error(&error_, reason, error_class);                                      \
	} while (0)

#endif
