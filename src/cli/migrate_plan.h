/*
 * The plan of a migration as a file: written for approval, and carried out exactly as approved.
 *
 * {"format": "imex-migration-plan-1", "made": TIME, "adopt": BOOL, "from": SOURCE or null,
 *  "users": [{"user", "mailbox", "server", "contacts", "link", "skip", "steps": [{"contact",
 *  "mailbox": OP, "im": OP, "mailbox_before", "mailbox_after", "im_before", "im_after"}],
 *  "refused": [...], "digest": SHA-256 of the rest}]}
 *
 * Whole users may be taken out of the file; a user's plan that was edited is refused.
 *
 *   plan.file      CONFIG   the file cannot be read, or is no plan
 *   plan.edited    CONFIG   a user's plan does not match its digest
 *   plan.changed   MAILBOX  something changed since the plan was made; nothing is written
 */
#ifndef IMEX_CLI_MIGRATE_PLAN_H
#define IMEX_CLI_MIGRATE_PLAN_H

#include "cli/command.h"
#include "sync/contacts.h"

struct migrate_plan;

struct migrate_plan *migrate_plan_new(void);
struct migrate_plan *migrate_plan_read(const char *path, GError **error);
void migrate_plan_free(struct migrate_plan *plan);
AUTO_DEFINE(migrate_plan, migrate_plan_free);

/* What the plan was made with. */
bool migrate_plan_adopt(const struct migrate_plan *plan);
const char *migrate_plan_from(const struct migrate_plan *plan);
/* Its users (char *), NULL-ended; owned by the caller. */
GPtrArray *migrate_plan_users(const struct migrate_plan *plan);

bool migrate_plan_write(const struct migrate_plan *plan, const char *path, bool adopt,
        const char *from, GError **error);

/* For struct contacts_options: collects plans; data is a struct migrate_plan. Any thread. */
bool migrate_plan_collect(void *data, const struct contacts_run *run, const GPtrArray *steps,
        const struct contacts_report *report, GError **error);
/*
 * For struct contacts_options: lets pass what was approved. A user whose approved plan has begun,
 * in this run or in one that was interrupted, may have less left to do, and nothing else.
 */
bool migrate_plan_check(void *data, const struct contacts_run *run, const GPtrArray *steps,
        const struct contacts_report *report, GError **error);

/* Which of its users' plans have begun: told by the store, before and after the work. */
bool migrate_plan_load_begun(struct migrate_plan *plan, struct store *store, GError **error);
bool migrate_plan_forget_begun(
        const struct migrate_plan *plan, struct store *store, const char *owner, GError **error);

#endif
