/*
 * Commands that visit mailboxes: what a crew of workers needs, made of the configuration.
 */
#ifndef IMEX_CLI_CREW_H
#define IMEX_CLI_CREW_H

#include "cli/command.h"
#include "daemon/auth.h"
#include "sync/schedule.h"

struct cli_crew {
	struct cli *cli;
	struct token_source *tokens;
	struct usermap *map;
	struct auth auth;
	struct worker_options options; /* may be changed before cli_crew_start() */
	struct worker_shared *shared;
	struct worker *worker; /* of the main thread: for finding owners */
};

/*
 * SIGINT and SIGTERM end the work after the steps under way from now on. Leases of processes that
 * are no more are ended. To be cleared in any case.
 */
bool cli_crew_open(struct cli_crew *crew, struct cli *cli, GError **error);
void cli_crew_clear(struct cli_crew *crew);

/* Asked to stop by a signal. data is not used. */
bool cli_crew_stopping(void *data);

/* Visits each mailbox once with options as they are now. jobs 0: as many as are configured. */
bool cli_crew_visit(struct cli_crew *crew, const GPtrArray *mailboxes, unsigned jobs,
        void (*visited)(void *data, const struct visit *visit), void *data, GError **error);

/*
 * The mailboxes of these users (NULL-ended; NULL: all whose policy allows work on contacts), as far
 * as they are mapped and allowed; the others are in *owners as refused. With pin, mappings are
 * pinned.
 */
bool cli_crew_owners(struct cli_crew *crew, char *const *users, bool pin,
        struct schedule_owners *owners, GError **error);

#endif
