#include "cli/archive.h"
#include "cli/subject.h"
#include "core/clock.h"
#include "store/delivery.h"
#include "store/local.h"
#include "store/mailbox.h"
#include "store/pause.h"
#include "sync/route.h"

#include <inttypes.h>

struct answer {
	struct store *store;
	struct cli_table *table;
	const char *owner;
	struct route route;
};

static void add_text(struct answer *answer, const char *what, const char *value)
{
	const char *cells[] = {what, value};
	cli_table_row(answer->table, cells);
}

static void add_number(struct answer *answer, const char *what, int64_t number)
{
	g_autofree char *text = g_strdup_printf("%" PRId64, number);
	add_text(answer, what, text);
}

static void add_policy(
        struct answer *answer, const char *name, const char *value, enum policy_scope scope)
{
	g_autofree char *what = g_strdup_printf("policy %s", name);
	g_autofree char *text = g_strdup_printf("%s (%s)", value, policy_scope_name(scope));
	add_text(answer, what, text);
}

/* "archived into Conversation History of bob@corp.example, but deliveries are paused". Owned. */
static char *verdict(const struct route *route, bool paused)
{
	if (route->targets == 0)
		return g_strdup("not archived");
	g_autofree char *title = route_targets_title(route->targets);
	bool to_mailbox = (route->targets & ~(unsigned)ROUTE_LOCAL) != 0;
	return g_strdup_printf("archived into %s%s%s%s", title, to_mailbox ? " of " : "",
	        to_mailbox ? route->mailbox->smtp : "",
	        to_mailbox && paused ? ", but deliveries are paused: imex resume" : "");
}

static void add_hold(struct answer *answer)
{
	const struct hold *hold = &answer->route.hold;
	g_autofree char *learned =
	        hold->learned_utc_us != 0 ? clock_format_iso(hold->learned_utc_us) : NULL;
	if (!g_str_equal(answer->route.route, "auto"))
		return;
	add_text(answer, "mailbox on hold", hold_state_name(hold->state));
	add_text(answer, "learned", learned);
}

static bool add_done(struct answer *answer, GError **error)
{
	autoptr(mailbox) pinned = NULL;
	struct delivery_totals totals = {0};
	int64_t kept = 0;
	if (!store_mailbox_by_owner(answer->store, answer->owner, &pinned, error) ||
	        (pinned != NULL &&
	                !store_delivery_totals(answer->store, pinned->id, &totals, error)) ||
	        !store_local_count(answer->store, answer->owner, &kept, error))
		return false;
	add_text(answer, "mailbox written to", pinned != NULL ? pinned->smtp : "not yet");
	add_number(answer, "delivered", totals.confirmed);
	add_number(answer, "waiting", totals.planned + totals.sent);
	add_number(answer, "failed", totals.failed);
	add_number(answer, "held back", totals.held);
	add_number(answer, "in the local archive", kept);
	return true;
}

static bool fill(struct answer *answer, GError **error)
{
	const struct route *route = &answer->route;
	bool paused = false;
	if (route->mailbox != NULL &&
	        !store_paused(answer->store, route->mailbox, PASS_ARCHIVE, &paused, error))
		return false;
	g_autofree char *words = verdict(route, paused);
	add_text(answer, "user", answer->owner);
	add_text(answer, "verdict", words);
	add_text(answer, "because", route->because);
	add_policy(answer, "archive", route->what, route->what_scope);
	add_policy(answer, "archive.who", route->who, route->who_scope);
	add_policy(answer, "archive.route", route->route, route->route_scope);
	add_hold(answer);
	add_text(answer, "mapped to", route->mailbox != NULL ? route->mailbox->smtp : NULL);
	add_text(answer, "mail server", route->mailbox != NULL ? route->mailbox->server : NULL);
	return add_done(answer, error);
}

static bool explain(struct cli *cli, const char *word, struct cli_table *table, GError **error)
{
	const struct config *config = cli_config(cli, error);
	struct store *store = config != NULL ? cli_store(cli, error) : NULL;
	g_autofree char *owner = store != NULL ? cli_user(word, error) : NULL;
	autoptr(usermap) map = owner != NULL ? usermap_new(config, error) : NULL;
	autoptr(router) router = map != NULL ? router_new(config, map, error) : NULL;
	struct answer answer = {.store = store, .table = table, .owner = owner};
	if (router == NULL || !router_find(router, store, owner, &answer.route, error))
		return false;
	bool good = fill(&answer, error);
	route_clear(&answer.route);
	return good;
}

static enum cli_exit run_explain(struct cli *cli, int argc, char **argv)
{
	static const char *const columns[] = {"what", "value", NULL};
	if (argc != 1)
		return cli_usage(&archive_explain, "name one user by IM address");
	GError *error = NULL;
	autoptr(cli_table) table = cli_table_new(columns);
	if (!explain(cli, argv[0], table, &error))
		return cli_fail(error);
	cli_table_print(table, cli, stdout);
	return CLI_DONE;
}

const struct command archive_explain = {
        .name = "explain",
        .usage = "USER",
        .summary = "Say whether and where a user's conversations are archived, and why",
        .flags = COMMAND_JSON,
        .run = run_explain,
};
