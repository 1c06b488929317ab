/*
 * Making an installation: the configuration file, the state folder, keys and the store.
 */
#ifndef IMEX_CLI_SETUP_H
#define IMEX_CLI_SETUP_H

#include "core/auto.h"

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

/* What `imex init` was asked for. Strings are borrowed; NULL where not given. */
struct setup {
	const char *config_path;
	const char *state_dir;
	const char *store_url;
	const char *app_id;
	const char *realm;
	const char *domain, *sip_domain; /* canonical */
	const char *source_url, *source_write;
	const char *server_url, *server_auth, *server_user, *password_file, *ca_file;
	bool allow_loopback;
	const char *map, *map_file, *rule;
	const char *listen, *tls_certificate, *tls_key, *public_url;
	const char *run_as;
};

/* The text of the configuration file. Owned; setup.value when a value cannot stand in it. */
char *setup_config_text(const struct setup *setup, GError **error);

/*
 * Writes a new file, whole or not at all: 0640, of that group when gid is not (gid_t)-1.
 * setup.exists when there is one; it is not changed.
 */
bool setup_write_new(const char *path, const char *text, gid_t gid, GError **error);

/* Makes a folder, 0700, for that user unless uid is (uid_t)-1; one that is there must be a folder
 * that others cannot enter. */
bool setup_state_dir(const char *path, uid_t uid, gid_t gid, GError **error);

#endif
