/* Mailboxes made up on start: names in several scripts, contacts, messages, distribution lists. */
#ifndef DEVX_GENERATE_H
#define DEVX_GENERATE_H

#include "devx.h"

struct generate {
	int mailboxes, contacts, messages; /* the last two for each mailbox */
	uint32_t seed;
	const char *domain, *password; /* password may be NULL */
};

/* user0001@DOMAIN ...; the same seed makes the same mailboxes. */
bool generate_mailboxes(struct store *store, const struct generate *what);

#endif
