/* What the parts of `imex doctor` share: one [server NAME] under examination. */
#ifndef IMEX_CLI_DOCTOR_PRIVATE_H
#define IMEX_CLI_DOCTOR_PRIVATE_H

#include "cli/diagnose.h"
#include "ews/session.h"
#include "oauth/token.h"

struct patient {
	struct cli *cli;
	const struct config *config;
	struct findings *findings;
	const char *server, *url, *partner;
	struct token_source *tokens; /* NULL: a server that takes a password */
};

/* Name, TCP, TLS, URL, clock and what the server asks for, without any credential. */
bool doctor_way(const struct patient *patient);
/* The line that an error belongs to; otherwise when it belongs to none. */
const char *doctor_step(const GError *error, const char *otherwise);

/* The folders that imex works with; makes none. */
void doctor_folders(const struct patient *patient, struct ews_session *session);
/* An item is made where conversations go, read back and removed. */
void doctor_write_test(const struct patient *patient, struct ews_session *session);

#endif
