/* A throw-away state folder with an issuer key, and configurations and tokens made with it. */
#ifndef IMEX_TESTS_UNIT_OAUTH_FIXTURE_H
#define IMEX_TESTS_UNIT_OAUTH_FIXTURE_H

#include "core/config.h"
#include "core/error.h"
#include "oauth/keyring.h"
#include "oauth/principal.h"
#include "oauth/token.h"

#include <check.h>

#define FIXTURE_APP "7b1c0c7e-1d7e-4a5e-9a2f-0123456789ab"

/* Two key pairs, made once before the tests fork: making RSA keys is slow. */
const struct key_pair *fixture_pair(unsigned number);
void fixture_make_pairs(void);
void fixture_free_pairs(void);

/* A new empty folder; removed by fixture_remove(), which frees the path. */
char *fixture_folder(void);
void fixture_remove(char *folder);

/* Configuration with state_dir = folder, app id FIXTURE_APP, domain corp.example, one server. */
struct config *fixture_config(const char *folder);
/* A token source whose current key is pair 0 and which knows the partner exchange. */
struct token_source *fixture_source(const char *folder);
/* exchange at mail.corp.example, realm corp.example, whose key is pair `number`. */
struct partner *fixture_partner(unsigned number);

#define ck_assert_no_error(error)                                                                  \
	ck_assert_msg((error) == NULL, "%s", (error) != NULL ? (error)->message : "")
#define ck_assert_reason(error, name)                                                              \
	do {                                                                                       \
		ck_assert_ptr_nonnull(error);                                                      \
		ck_assert_str_eq(error_reason(error), name);                                       \
	} while (0)

#endif
