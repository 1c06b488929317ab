/*
 * Passwords. They stand in a file of their own (password_file) or come from systemd as a credential
 * (password_credential, LoadCredential= of the unit), never in the configuration, the environment
 * or on a command line.
 */
#ifndef IMEX_CORE_SECRET_H
#define IMEX_CORE_SECRET_H

#include "core/config.h"

#define SECRET_MAX_BYTES 1024

/*
 * The first line of the file. Owned, to be freed with secret_free(). Errors, class CONFIG:
 * secret.unreadable, secret.exposed (everybody may read it), secret.empty (no password, or one that
 * is too long).
 */
char *secret_read(const char *path, GError **error);
/* The same of what the section says; also secret.setting (neither or both), secret.credential. */
char *secret_of(const struct config *config, const char *section, const char *name, GError **error);
/* Wipes and frees; NULL is nothing. */
void secret_free(char *secret);

#endif
