#include "cli/archive.h"
#include "cli/owners.h"
#include "core/address.h"
#include "core/clock.h"
#include "store/cursor.h"
#include "store/delivery.h"
#include "store/mailbox.h"
#include "store/pause.h"
#include "sync/route.h"

/*
 * Coverage: who should be archived, whether it happens, and why it does not.
 */

/* A source that was not read to its end for longer than this is said to be behind. */
#define BEHIND_US (900 * CLOCK_US_PER_S)

struct audit {
	struct cli *cli;
	const struct config *config;
	struct store *store;
	const struct router *router;
	struct cli_table *table;
	unsigned meant, troubled;
};

/* What keeps the source of this user's domain from being read; owned, NULL when all is well. */
static bool source_trouble(struct audit *audit, const char *owner, char **trouble, GError **error)
{
	const char *domain = address_domain(owner);
	const char *source = config_has_section(audit->config, "domain", domain)
	                             ? config_string(audit->config, "domain", domain, "source")
	                             : NULL;
	autoptr(cursor) cursor = NULL;
	if (source == NULL)
		return true;
	if (!store_cursor_get(audit->store, source, CURSOR_LIVE, &cursor, error))
		return false;
	if (cursor == NULL) {
		*trouble = g_strdup_printf(
		        "source %s was never read: start imexd, or imex archive backfill", source);
	} else if (clock_utc_us() - cursor->moved_utc_us > BEHIND_US) {
		g_autofree char *when = clock_format_iso(cursor->moved_utc_us);
		*trouble = g_strdup_printf(
		        "source %s was last read at %s: is imexd running?", source, when);
	}
	return true;
}

static bool mailbox_trouble(struct audit *audit, const char *owner, const struct route *route,
        char **trouble, GError **error)
{
	autoptr(mailbox) pinned = NULL;
	struct delivery_totals totals = {0};
	bool paused = false;
	if (!store_paused(audit->store, route->mailbox, PASS_ARCHIVE, &paused, error) ||
	        !store_mailbox_by_owner(audit->store, owner, &pinned, error) ||
	        (pinned != NULL &&
	                !store_delivery_totals(audit->store, pinned->id, &totals, error)))
		return false;
	if (pinned != NULL && !mailbox_equal(pinned, route->mailbox))
		*trouble = g_strdup_printf("the user map has changed: imex user remap %s", owner);
	else if (totals.failed > 0)
		*trouble = g_strdup_printf("%" G_GINT64_FORMAT
		                           " deliveries failed: imex queue failures --user %s",
		        totals.failed, owner);
	else if (paused)
		*trouble = g_strdup("deliveries are paused: imex resume");
	return true;
}

static bool find_trouble(struct audit *audit, const char *owner, const struct route *route,
        char **trouble, GError **error)
{
	if (route->targets == 0) {
		*trouble = g_strdup(route->because);
		return true;
	}
	if ((route->targets & ~(unsigned)ROUTE_LOCAL) != 0 &&
	        !mailbox_trouble(audit, owner, route, trouble, error))
		return false;
	return *trouble != NULL || source_trouble(audit, owner, trouble, error);
}

static void add_row(
        struct audit *audit, const char *owner, const struct route *route, const char *trouble)
{
	g_autofree char *targets = route_targets_title(route->targets);
	const char *cells[] = {owner, route->what, route->who, route->route,
	        route->targets != 0 ? targets : NULL,
	        route->mailbox != NULL ? route->mailbox->smtp : NULL,
	        trouble == NULL ? "yes" : "no", trouble};
	cli_table_row(audit->table, cells);
	audit->meant++;
	audit->troubled += trouble != NULL;
}

/* Somebody whose mapping is in doubt is meant to be archived, and is not. */
static void add_doubtful(struct audit *audit, const char *owner, const char *why)
{
	const char *cells[] = {owner, NULL, NULL, NULL, NULL, NULL, "no", why};
	cli_table_row(audit->table, cells);
	audit->meant++;
	audit->troubled++;
}

static bool audit_owner(struct audit *audit, const char *owner, GError **error)
{
	struct route route;
	g_autofree char *trouble = NULL;
	g_autoptr(GError) doubt = NULL;
	if (!router_find(audit->router, audit->store, owner, &route, &doubt)) {
		if (error_class_of(doubt) == ERROR_MAILBOX) {
			add_doubtful(audit, owner, doubt->message);
			return true;
		}
		g_propagate_error(error, g_steal_pointer(&doubt));
		return false;
	}
	/* Whom a policy names is meant; that a wider rule keeps him out is what is to be seen. */
	bool meant = !g_str_equal(route.what, "none");
	bool good = !meant || find_trouble(audit, owner, &route, &trouble, error);
	if (good && meant)
		add_row(audit, owner, &route, trouble);
	route_clear(&route);
	return good;
}

/* Users of the sources and the map, and those whom a policy names though nobody else does. */
static GPtrArray *find_owners(struct audit *audit, const struct usermap *map, GError **error)
{
	g_autoptr(GPtrArray) owners = cli_owners(audit->config, map, error);
	g_autoptr(GPtrArray) rows = owners != NULL ? store_policy_list(audit->store, error) : NULL;
	if (rows == NULL)
		return NULL;
	g_ptr_array_set_size(owners, (gint)owners->len - 1);
	for (guint i = 0; i < rows->len; i++) {
		const struct policy_row *row = rows->pdata[i];
		if (row->scope == POLICY_USER && g_str_equal(row->name, "archive") &&
		        !g_ptr_array_find_with_equal_func(owners, row->subject, g_str_equal, NULL))
			g_ptr_array_add(owners, g_strdup(row->subject));
	}
	return g_steal_pointer(&owners);
}

static bool audit_all(struct audit *audit, GError **error)
{
	audit->config = cli_config(audit->cli, error);
	audit->store = audit->config != NULL ? cli_store(audit->cli, error) : NULL;
	autoptr(usermap) map = audit->store != NULL ? usermap_new(audit->config, error) : NULL;
	autoptr(router) router = map != NULL ? router_new(audit->config, map, error) : NULL;
	g_autoptr(GPtrArray) owners = NULL;
	audit->router = router;
	if (router != NULL)
		owners = find_owners(audit, map, error);
	if (owners == NULL)
		return false;
	for (guint i = 0; i < owners->len; i++)
		if (!audit_owner(audit, owners->pdata[i], error))
			return false;
	return true;
}

static enum cli_exit run_coverage(struct cli *cli, int argc, char **argv)
{
	static const char *const columns[] = {
	        "user", "policy", "who", "route", "target", "mailbox", "covered", "trouble", NULL};
	(void)argv;
	if (argc != 0)
		return cli_usage(&archive_coverage, "it takes no words");
	GError *error = NULL;
	autoptr(cli_table) table = cli_table_new(columns);
	struct audit audit = {.cli = cli, .table = table};
	if (!audit_all(&audit, &error))
		return cli_fail(error);
	if (!cli->json && audit.meant == 0)
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
