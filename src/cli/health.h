/*
 * What `imex status` says: findings about the whole installation, read from the store and the keys.
 */
#ifndef IMEX_CLI_HEALTH_H
#define IMEX_CLI_HEALTH_H

#include "cli/command.h"

/* The numbers are the exit codes that monitoring expects. */
enum health_level { HEALTH_OK, HEALTH_WARNING, HEALTH_CRITICAL };

struct finding {
	enum health_level level;
	char *check; /* "contacts", "certificate" ... */
	char *text; /* one line */
};

struct health {
	enum health_level level; /* the worst of the findings */
	GPtrArray *findings; /* of struct finding, in a fixed order */
};

/* Owned; NULL when configuration, store or keys cannot be read. */
struct health *health_check(struct cli *cli, GError **error);
void health_free(struct health *health);
AUTO_DEFINE(health, health_free);

#endif
