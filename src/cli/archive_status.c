#include "cli/archive.h"
#include "cli/subject.h"
#include "core/clock.h"
#include "store/delivery.h"
#include "store/mailbox.h"
#include "store/message.h"
#include "store/pause.h"
#include "store/policy.h"
#include "store/segment.h"
#include "sync/usermap.h"

#include <inttypes.h>

static const char *const columns[] = {"what", "value", NULL};

static void add_text(struct cli_table *table, const char *what, const char *value)
{
	const char *cells[] = {what, value};
	cli_table_row(table, cells);
}

static void add_number(struct cli_table *table, const char *what, int64_t number)
{
	g_autofree char *text = g_strdup_printf("%" PRId64, number);
	add_text(table, what, text);
}

static void add_time(struct cli_table *table, const char *what, int64_t utc_us)
{
	g_autofree char *text = utc_us != 0 ? clock_format_iso(utc_us) : NULL;
	add_text(table, what, text);
}

static void add_deliveries(struct cli_table *table, const struct delivery_totals *totals)
{
	add_number(table, "deliveries confirmed", totals->confirmed);
	add_number(table, "deliveries planned", totals->planned);
	add_number(table, "deliveries without an answer yet", totals->sent);
	add_number(table, "deliveries failed", totals->failed);
	add_number(table, "deliveries held", totals->held);
	add_time(table, "oldest that is not confirmed", totals->oldest_planned_utc_us);
}

static bool collect(struct store *store, struct cli_table *table,
        struct delivery_totals *deliveries, GError **error)
{
	struct message_totals messages = {0};
	struct segment_totals segments = {0};
	if (!store_message_totals(store, &messages, error) ||
	        !store_segment_totals(store, &segments, error) ||
	        !store_delivery_totals(store, 0, deliveries, error))
		return false;
	add_number(table, "messages captured", messages.messages);
	add_number(table, "copies of them", messages.copies);
	add_number(table, "conflicting copies, kept", messages.conflicts);
	add_number(table, "rows that could not be read", messages.gaps);
	add_time(table, "newest message", messages.newest_utc_us);
	add_number(table, "conversations going on", segments.open);
	add_number(table, "conversations finished", segments.closed);
	add_number(table, "of these, waiting to be planned", segments.unplanned);
	add_deliveries(table, deliveries);
	return true;
}

static enum cli_exit run_status(struct cli *cli, int argc, char **argv)
{
	(void)argv;
	if (argc != 0)
		return cli_usage(&archive_status, "it takes no words");
	GError *error = NULL;
	struct delivery_totals deliveries = {0};
	autoptr(cli_table) table = cli_table_new(columns);
	struct store *store = cli_store(cli, &error);
	if (store == NULL || !collect(store, table, &deliveries, &error))
		return cli_fail(error);
	cli_table_print(table, cli, stdout);
	return deliveries.failed > 0 ? CLI_PARTIAL : CLI_DONE;
}

const struct command archive_status = {
        .name = "status",
        .usage = "",
        .summary = "Count what is captured, finished and delivered",
        .flags = COMMAND_JSON,
        .run = run_status,
};

/* The verdict in words, and the rule behind it. */
static char *verdict(const char *policy, const struct mailbox *mailbox, const GError *unmapped,
        bool paused, const char *folder)
{
	if (g_str_equal(policy, "none"))
		return g_strdup("not archived: the policy archive is none");
	if (unmapped != NULL)
		return g_strdup_printf("not archived: %s", unmapped->message);
	if (paused)
		return g_strdup_printf(
		        "archived into %s, but deliveries are paused: imex resume", mailbox->smtp);
	return g_strdup_printf("archived into %s of %s",
	        g_str_equal(folder, "purges") ? "Recoverable Items/Purges" : "Conversation History",
	        mailbox->smtp);
}

static bool explain_mailbox(
        struct store *store, const char *owner, struct cli_table *table, GError **error)
{
	autoptr(mailbox) pinned = NULL;
	struct delivery_totals totals = {0};
	if (!store_mailbox_by_owner(store, owner, &pinned, error))
		return false;
	if (pinned == NULL) {
		add_text(table, "mailbox written to", "not yet");
		return true;
	}
	if (!store_delivery_totals(store, pinned->id, &totals, error))
		return false;
	add_text(table, "mailbox written to", pinned->smtp);
	add_deliveries(table, &totals);
	return true;
}

static bool explain(struct cli *cli, const char *word, struct cli_table *table, GError **error)
{
	const struct config *config = cli_config(cli, error);
	struct store *store = config != NULL ? cli_store(cli, error) : NULL;
	g_autofree char *owner = store != NULL ? cli_user(word, error) : NULL;
	autoptr(usermap) map = owner != NULL ? usermap_new(config, error) : NULL;
	autoptr(mailbox) mapped = NULL;
	g_autoptr(GError) unmapped = NULL;
	struct policy_decision policy = {0};
	bool paused = false;
	if (map == NULL || !store_policy_resolve(store, owner, "archive", &policy, error))
		return false;
	const char *folder = config_string(config, "archive", NULL, "folder");
	bool good = !usermap_lookup(map, owner, &mapped, &unmapped) ||
	            store_paused(store, mapped, PASS_ARCHIVE, &paused, error);
	if (good) {
		g_autofree char *words = verdict(policy.value, mapped, unmapped, paused, folder);
		add_text(table, "user", owner);
		add_text(table, "verdict", words);
		add_text(table, "policy archive", policy.value);
		add_text(table, "decided by", policy_scope_name(policy.scope));
		add_text(table, "mapped to", mapped != NULL ? mapped->smtp : NULL);
		add_text(table, "mail server", mapped != NULL ? mapped->server : NULL);
		good = explain_mailbox(store, owner, table, error);
	}
	policy_decision_clear(&policy);
	return good;
}

static enum cli_exit run_explain(struct cli *cli, int argc, char **argv)
{
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
