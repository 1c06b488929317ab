/* `imex contacts explain, preflight-move, unpin`: why a list stands where it does. */
#include "cli/contacts.h"
#include "cli/contacts_private.h"
#include "cli/subject.h"
#include "core/address.h"
#include "core/clock.h"
#include "store/journal.h"
#include "store/lease.h"
#include "sync/lifecycle.h"

#define UNPIN_LEASE_S 60

/* A user's list and everything that bears on it. */
struct subject {
	struct cli *cli;
	char *owner;
	struct usermap *map; /* NULL when it cannot be read */
	GError *unmapped; /* why not */
	struct lifecycle life;
};

static void subject_clear(struct subject *subject)
{
	lifecycle_clear(&subject->life);
	g_clear_pointer(&subject->map, usermap_free);
	g_clear_error(&subject->unmapped);
	g_free(subject->owner);
}

static bool subject_find(struct subject *subject, struct cli *cli, const char *user, GError **error)
{
	*subject = (struct subject){.cli = cli};
	subject->owner = cli_user(user, error);
	if (subject->owner == NULL || cli_store(cli, error) == NULL)
		return false;
	subject->map = usermap_new(cli->config, &subject->unmapped);
	return lifecycle_of(
	        cli->store, cli->config, subject->map, subject->owner, &subject->life, error);
}

/*
 * imex contacts explain
 */

static void explain_row(
        struct cli_table *table, const char *what, const char *value, const char *decided_by)
{
	const char *cells[] = {what, value, decided_by};
	cli_table_row(table, cells);
}

static void explain_verdict(const struct subject *subject, struct cli_table *table)
{
	const struct lifecycle *life = &subject->life;
	explain_row(table, "verdict", lifecycle_state_name(life->state), life->rule);
	if (life->reason != NULL)
		explain_row(table, "reason", life->reason, life->message);
	g_autofree char *until = contacts_time(life->until_utc_us);
	if (until != NULL)
		explain_row(table, life->state == LIFECYCLE_WAITING ? "until" : "next try", until,
		        NULL);
	if (life->drift != NULL)
		explain_row(table, "drift", life->drift, NULL);
}

static bool explain_policies(const struct subject *subject, struct cli_table *table, GError **error)
{
	static const char *const names[] = {"contacts", "contacts.delay", "contacts.adopt",
	        "contacts.direction", "contacts.conflict", "contacts.dialect"};
	for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
		struct policy_decision decision = {0};
		if (!store_policy_resolve(
		            subject->cli->store, subject->owner, names[i], &decision, error))
			return false;
		g_autofree char *since = contacts_time(decision.since_utc_us);
		g_autofree char *by =
		        g_strdup_printf("policy, %s%s%s", policy_scope_name(decision.scope),
		                since != NULL ? " since " : "", since != NULL ? since : "");
		explain_row(table, names[i], decision.value, by);
		policy_decision_clear(&decision);
	}
	return true;
}

static void explain_mapping(const struct subject *subject, struct cli_table *table)
{
	const struct config *config = subject->cli->config;
	g_autofree char *by =
	        g_strdup_printf("map = %s in [users]", config_string(config, "users", NULL, "map"));
	autoptr(mailbox) mapped = NULL;
	g_autoptr(GError) cause = NULL;
	if (subject->map == NULL)
		explain_row(table, "mapped to", NULL, subject->unmapped->message);
	else if (usermap_lookup(subject->map, subject->owner, &mapped, &cause))
		explain_row(table, "mapped to", mapped->smtp, by);
	else
		explain_row(table, "mapped to", NULL, cause->message);
	if (subject->life.mailbox != NULL)
		explain_row(table, "pinned to", subject->life.mailbox->smtp,
		        "what imex first wrote to");
}

static void explain_domain(const struct subject *subject, struct cli_table *table)
{
	const struct config *config = subject->cli->config;
	const char *domain = address_domain(subject->owner);
	static const char *const names[] = {"source", "server"};
	g_autofree char *by = g_strdup_printf("[domain %s]", domain);
	for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
		explain_row(table, names[i],
		        config_has_section(config, "domain", domain)
		                ? config_string(config, "domain", domain, names[i])
		                : NULL,
		        by);
	explain_row(table, "mode", config_string(config, "imex", NULL, "mode"), "[imex]");
}

static bool explain(struct subject *subject, GError **error)
{
	static const char *const columns[] = {"what", "value", "decided_by", NULL};
	autoptr(cli_table) table = cli_table_new(columns);
	explain_verdict(subject, table);
	if (!explain_policies(subject, table, error))
		return false;
	explain_mapping(subject, table);
	explain_domain(subject, table);
	const struct contact_status *status = subject->life.status;
	if (status != NULL && status->dialect != NULL)
		explain_row(table, "dialect", status->dialect, "the passes so far");
	if (subject->life.life.adopted_utc_us != 0) {
		g_autofree char *when = contacts_time(subject->life.life.adopted_utc_us);
		explain_row(table, "adopted", when, "another IM server's list was taken over");
	}
	cli_table_print(table, subject->cli, stdout);
	return true;
}

static enum cli_exit run_explain(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	if (argc != 1)
		return cli_usage(&contacts_explain, "name one user");
	struct subject subject;
	bool good = subject_find(&subject, cli, argv[0], &error) && explain(&subject, &error);
	subject_clear(&subject);
	return good ? CLI_DONE : cli_fail(error);
}

const struct command contacts_explain = {
        .name = "explain",
        .usage = "USER",
        .summary = "Why a contact list stands where it does, and what decided that",
        .flags = COMMAND_JSON,
        .run = run_explain,
};

/*
 * imex contacts preflight-move
 */

struct preflight {
	struct cli_table *table;
	bool blocked;
};

static void check(struct preflight *preflight, const char *what, bool good, const char *finding)
{
	const char *cells[] = {what, good ? "ok" : "first", finding};
	preflight->blocked = preflight->blocked || !good;
	cli_table_row(preflight->table, cells);
}

static gboolean to_older;

static void check_place(struct preflight *preflight, const struct subject *subject)
{
	const struct contact_status *status = subject->life.status;
	bool in_mailbox = status != NULL && status->migrated_utc_us != 0;
	bool ucs = in_mailbox && g_strcmp0(status->dialect, "ucs") == 0;
	g_autofree char *roll_back = g_strdup_printf("a server without the contact store would "
	                                             "lose the list: run imex contacts rollback "
	                                             "%s before the move",
	        subject->owner);
	check(preflight, "contact store", !ucs || !to_older,
	        !in_mailbox ? "the IM side has the list: the move does not touch it"
	        : !ucs      ? "the list is plain contacts: any server keeps them"
	        : to_older  ? roll_back
	                    : "the list moves with the mailbox to Exchange 2013 or later only; "
	                      "see --to-older");
	check(preflight, "state",
	        subject->life.state != LIFECYCLE_ROLLING_BACK &&
	                subject->life.state != LIFECYCLE_MIGRATING,
	        lifecycle_state_name(subject->life.state));
}

static bool check_work(struct preflight *preflight, const struct subject *subject, GError **error)
{
	struct store *store = subject->cli->store;
	int64_t id = subject->life.mailbox->id, steps = 0, sent = 0;
	g_autoptr(GPtrArray) pending = store_contact_pending(store, id, error);
	g_autoptr(GPtrArray) problems =
	        pending != NULL ? store_contact_problems(store, id, error) : NULL;
	struct contacts_reading reading = {0};
	if (problems == NULL || !store_journal_count(store, id, &steps, &sent, error) ||
	        !contacts_reading(store, id, &reading, error))
		return false;
	g_autofree char *journal = g_strdup_printf("%" G_GINT64_FORMAT " steps under way%s", steps,
	        steps > 0 ? ": imex contacts sync ends them" : "");
	check(preflight, "journal", steps == 0, journal);
	g_autofree char *waiting = g_strdup_printf("%u changes wait for the IM side%s",
	        pending->len, pending->len > 0 ? ": see imex contacts pending" : "");
	check(preflight, "pending", pending->len == 0, waiting);
	g_autofree char *left = g_strdup_printf("%u contacts are left out", problems->len);
	check(preflight, "problems", problems->len == 0, left);
	g_autofree char *age = contacts_age(reading.good_utc_us);
	g_autofree char *version = reading.good_utc_us == 0
	                                   ? g_strdup("the list was never read to its end")
	                                   : g_strdup_printf("last good pass %s ago", age);
	check(preflight, "last good pass", reading.trouble == NULL,
	        reading.trouble != NULL ? reading.trouble : version);
	contacts_reading_clear(&reading);
	return true;
}

static bool preflight_move(struct subject *subject, bool *blocked, GError **error)
{
	static const char *const columns[] = {"check", "verdict", "finding", NULL};
	autoptr(cli_table) table = cli_table_new(columns);
	struct preflight preflight = {.table = table};
	check_place(&preflight, subject);
	if (subject->life.mailbox != NULL && !check_work(&preflight, subject, error))
		return false;
	g_autofree char *remap = g_strdup_printf(
	        "if the move changes address or server: correct the user map, then imex user remap "
	        "%s --confirm",
	        subject->owner);
	check(&preflight, "mapping", true, remap);
	cli_table_print(table, subject->cli, stdout);
	*blocked = preflight.blocked;
	return true;
}

static enum cli_exit run_preflight(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	bool blocked = false;
	if (argc != 1)
		return cli_usage(&contacts_preflight_move, "name one user");
	struct subject subject;
	bool good = subject_find(&subject, cli, argv[0], &error) &&
	            preflight_move(&subject, &blocked, &error);
	subject_clear(&subject);
	if (!good)
		return cli_fail(error);
	return blocked ? CLI_FAILED : CLI_DONE;
}

static const GOptionEntry preflight_options[] = {
        {"to-older", 0, 0, G_OPTION_ARG_NONE, &to_older,
                "The mailbox moves to a server without the contact store, before Exchange 2013",
                NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

const struct command contacts_preflight_move = {
        .name = "preflight-move",
        .usage = "USER [--to-older]",
        .summary = "Whether a user's mailbox can be moved without losing contacts",
        .help = "Exit status: 0 nothing stands in the way, 1 something is to be done first.",
        .flags = COMMAND_JSON,
        .options = preflight_options,
        .run = run_preflight,
};

/*
 * imex contacts unpin
 */

static bool refuse_unpinned(const struct subject *subject, GError **error)
{
	error_set(error, ERROR_CONFIG, "contacts.not_pinned",
	        "the contacts of %s are not pinned to the IM side: their state is %s",
	        subject->owner, lifecycle_state_name(subject->life.state));
	return false;
}

/* The pin goes, and the policy that the way back set for this user; wider ones hold again. */
static bool unpin_leased(struct subject *subject, const struct lease *lease, GError **error)
{
	struct store *store = subject->cli->store;
	struct policy_decision decision = {0};
	subject->life.status->rolled_back_utc_us = 0;
	if (!store_policy_resolve(store, subject->owner, "contacts", &decision, error))
		return false;
	bool ours = decision.scope == POLICY_USER && g_str_equal(decision.value, "not-allowed");
	policy_decision_clear(&decision);
	return store_contact_status_save(store, lease, subject->life.status, error) &&
	       (!ours || store_policy_set(
	                         store, POLICY_USER, subject->owner, "contacts", NULL, error));
}

static bool unpin(struct subject *subject, GError **error)
{
	struct store *store = subject->cli->store;
	autoptr(lease) lease = NULL;
	g_autofree char *holder = lease_holder_new();
	if (subject->life.status == NULL || subject->life.status->rolled_back_utc_us == 0)
		return refuse_unpinned(subject, error);
	if (subject->cli->dry_run)
		return true;
	if (!store_lease_claim_mailbox(store, subject->life.mailbox->id, holder, clock_utc_us(),
	            UNPIN_LEASE_S, &lease, error))
		return false;
	bool good = store_begin(store, error) &&
	            store_end(store, unpin_leased(subject, lease, error), error);
	return store_lease_release(store, lease, clock_utc_us(), good ? error : NULL) && good;
}

static void print_unpinned(const struct subject *subject)
{
	struct lifecycle now;
	g_autoptr(GError) unread = NULL;
	if (lifecycle_of(subject->cli->store, subject->cli->config, subject->map, subject->owner,
	            &now, &unread))
		printf("%s is not pinned any more: %s (%s)\n", subject->owner,
		        lifecycle_state_name(now.state), now.rule);
	lifecycle_clear(&now);
}

static enum cli_exit run_unpin(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	if (argc != 1)
		return cli_usage(&contacts_unpin, "name one user");
	struct subject subject;
	bool good = subject_find(&subject, cli, argv[0], &error) && unpin(&subject, &error);
	if (good && !cli->dry_run)
		print_unpinned(&subject);
	subject_clear(&subject);
	return good ? CLI_DONE : cli_fail(error);
}

const struct command contacts_unpin = {
        .name = "unpin",
        .usage = "USER",
        .summary = "Let policies decide again about a list that was rolled back",
        .help = "Takes away the pin and the policy that imex contacts rollback set for the user; "
                "what wider policies say holds again.",
        .flags = COMMAND_DRY_RUN,
        .run = run_unpin,
};
