/* The two engines every test of src/db runs against, each with an empty database. */
#ifndef IMEX_TESTS_UNIT_DB_ENGINES_H
#define IMEX_TESTS_UNIT_DB_ENGINES_H

#include "core/error.h"
#include "db/db.h"

#include <check.h>

enum { ENGINE_SQLITE, ENGINE_POSTGRESQL, ENGINES };

/* Set by engine_setup(); two connections to the same empty database, and its URL. */
extern struct db *one, *two;
extern char *engine_url;

/* Empties the database of that engine and opens both. */
void engine_open(int engine);
/* Closes both and removes the files. */
void engine_close(void);

/* Runs SQL that must work. */
void must_exec(struct db *db, const char *sql);
/* The number that a query gives. */
int64_t number_of(struct db *db, const char *sql);
/* The error must have that reason and name the database; it is freed. */
void check_error(GError **error, const char *reason, enum error_class error_class);

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
		check_error(&error_, reason, error_class);                                         \
	} while (0)

#endif
