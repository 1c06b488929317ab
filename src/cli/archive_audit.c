#include "cli/archive.h"
#include "cli/owners.h"
#include "core/clock.h"
#include "store/cursor.h"
#include "store/delivery.h"
#include "store/mailbox.h"
#include "store/pause.h"
#include "store/policy.h"
#include "sync/usermap.h"

#include <string.h>

/* Rows that a listing shows at most unless --limit says otherwise. */
#define LIMIT 1000

static char *source;
static gint limit = LIMIT;

static const GOptionEntry gap_options[] = {
        {"source", 0, 0, G_OPTION_ARG_STRING, &source, "Only of this source", "NAME"},
        {"limit", 0, 0, G_OPTION_ARG_INT, &limit, "Show at most N rows", "N"},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static void add_gap(struct cli_table *table, const struct gap *gap)
{
	g_autofree char *sent = gap->sent_utc_us != 0 ? clock_format_iso(gap->sent_utc_us) : NULL;
	g_autofree char *seen = clock_format_iso(gap->seen_utc_us);
	const char *cells[] = {
	        gap->source, gap->owner, gap->key, gap->reason, sent, seen, gap->detail};
	cli_table_row(table, cells);
}

static enum cli_exit run_gaps(struct cli *cli, int argc, char **argv)
{
	static const char *const columns[] = {
	        "source", "owner", "key", "reason", "sent", "seen", "detail", NULL};
	(void)argv;
	if (argc != 0 || limit < 1)
		return cli_usage(&archive_gaps, "it takes options only");
	GError *error = NULL;
	struct store *store = cli_store(cli, &error);
	g_autoptr(GPtrArray) gaps =
	        store != NULL ? store_gaps(store, source, (unsigned)limit, &error) : NULL;
	if (gaps == NULL)
		return cli_fail(error);
	autoptr(cli_table) table = cli_table_new(columns);
	for (guint i = 0; i < gaps->len; i++)
		add_gap(table, gaps->pdata[i]);
	if (!cli->json && gaps->len == 0)
		printf("Every row of the sources was understood.\n");
	else
		cli_table_print(table, cli, stdout);
	return gaps->len > 0 ? CLI_PARTIAL : CLI_DONE;
}

const struct command archive_gaps = {
        .name = "gaps",
        .usage = "",
        .summary = "List what a source holds and imex could not read",
        .flags = COMMAND_JSON,
        .options = gap_options,
        .run = run_gaps,
};

/* --- who should be archived and is not --- */

struct audit {
	struct cli *cli;
	struct store *store;
	struct usermap *map;
	struct cli_table *table;
	unsigned archived, troubled;
};

/* Why nothing, or not everything, reaches the mailbox; NULL when all is well. Owned. */
static bool find_trouble(
        struct audit *audit, const char *owner, char **smtp, char **trouble, GError **error)
{
	autoptr(mailbox) mapped = NULL;
	autoptr(mailbox) pinned = NULL;
	g_autoptr(GError) unmapped = NULL;
	struct delivery_totals totals = {0};
	bool paused = false;
	if (!usermap_lookup(audit->map, owner, &mapped, &unmapped)) {
		*trouble = g_strdup(unmapped->message);
		return true;
	}
	*smtp = g_strdup(mapped->smtp);
	if (!store_paused(audit->store, mapped, PASS_ARCHIVE, &paused, error) ||
	        !store_mailbox_by_owner(audit->store, owner, &pinned, error) ||
	        (pinned != NULL &&
	                !store_delivery_totals(audit->store, pinned->id, &totals, error)))
		return false;
	if (pinned != NULL && !mailbox_equal(pinned, mapped))
		*trouble = g_strdup_printf("the user map has changed: imex user remap %s", owner);
	else if (totals.failed > 0)
		*trouble = g_strdup_printf("%" G_GINT64_FORMAT
		                           " deliveries failed: imex queue failures --user %s",
		        totals.failed, owner);
	else if (paused)
		*trouble = g_strdup("deliveries are paused: imex resume");
	return true;
}

static bool audit_owner(struct audit *audit, const char *owner, GError **error)
{
	struct policy_decision policy = {0};
	g_autofree char *smtp = NULL;
	g_autofree char *trouble = NULL;
	if (!store_policy_resolve(audit->store, owner, "archive", &policy, error))
		return false;
	g_autofree char *value = g_strdup(policy.value);
	policy_decision_clear(&policy);
	if (g_str_equal(value, "none"))
		return true;
	if (!find_trouble(audit, owner, &smtp, &trouble, error))
		return false;
	const char *cells[] = {owner, value, smtp, trouble == NULL ? "yes" : "no", trouble};
	audit->archived++;
	audit->troubled += trouble != NULL;
	cli_table_row(audit->table, cells);
	return true;
}

static bool audit_all(struct audit *audit, GError **error)
{
	const struct config *config = cli_config(audit->cli, error);
	audit->store = config != NULL ? cli_store(audit->cli, error) : NULL;
	audit->map = audit->store != NULL ? usermap_new(config, error) : NULL;
	g_autoptr(GPtrArray) owners =
	        audit->map != NULL ? cli_owners(config, audit->map, error) : NULL;
	if (owners == NULL)
		return false;
	for (guint i = 0; i < owners->len && owners->pdata[i] != NULL; i++)
		if (!audit_owner(audit, owners->pdata[i], error))
			return false;
	return true;
}

static enum cli_exit run_coverage(struct cli *cli, int argc, char **argv)
{
	static const char *const columns[] = {
	        "user", "policy", "mailbox", "covered", "trouble", NULL};
	(void)argv;
	if (argc != 0)
		return cli_usage(&archive_coverage, "it takes no words");
	GError *error = NULL;
	autoptr(cli_table) table = cli_table_new(columns);
	struct audit audit = {.cli = cli, .table = table};
	bool good = audit_all(&audit, &error);
	g_clear_pointer(&audit.map, usermap_free);
	if (!good)
		return cli_fail(error);
	if (!cli->json && audit.archived == 0)
		printf("Nobody is to be archived: imex policy set archive names whom.\n");
	else
		cli_table_print(table, cli, stdout);
	return audit.troubled > 0 ? CLI_PARTIAL : CLI_DONE;
}

const struct command archive_coverage = {
        .name = "coverage",
        .usage = "",
        .summary = "List who is to be archived, and why somebody is not",
        .flags = COMMAND_JSON,
        .run = run_coverage,
};
