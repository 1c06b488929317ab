/* `imex contacts`: what the store knows, without asking anybody. */
#include "cli/contacts.h"
#include "cli/contacts_private.h"
#include "store/contact.h"
#include "store/journal.h"
#include "store/mailbox.h"
#include "store/pass.h"
#include "store/policy.h"

#include <string.h>

#define MAX_CONFLICTS 1000

/*
 * imex contacts status
 */

struct tallies {
	int64_t ours, theirs, agreed, differ;
};

static void tally_row(void *data, const struct contact_row *row)
{
	struct tallies *tallies = data;
	const struct contact *theirs = contacts_theirs(row);
	tallies->ours += row->ours != NULL;
	tallies->theirs += theirs != NULL;
	tallies->agreed += row->agreed_im != NULL;
	tallies->differ +=
	        (row->ours != NULL || theirs != NULL) && !contacts_alike(row->ours, theirs);
}

static const char *const status_columns[] = {"user", "mailbox", "state", "dialect", "IM side",
        "in mailbox", "in step", "waiting", "problems", "conflicts", "last read", "as of", NULL};

struct listing {
	struct store *store;
	struct cli_table *table;
	GPtrArray *failing; /* struct pass */
	bool attention;
};

static const struct pass *failing_pass(const struct listing *listing, int64_t id)
{
	for (guint i = 0; i < listing->failing->len; i++) {
		const struct pass *pass = g_ptr_array_index(listing->failing, i);
		if (pass->mailbox_id == id && pass->kind == PASS_CONTACTS)
			return pass;
	}
	return NULL;
}

/* One of the states of a contact list, with its reason. Owned. */
static char *state_of(struct listing *listing, const struct mailbox *mailbox,
        const struct contact_status *status, bool allowed, int64_t steps)
{
	const struct pass *pass = failing_pass(listing, mailbox->id);
	if (!allowed && status->rolled_back_utc_us != 0)
		return g_strdup("rolled back");
	if (!allowed && status->migrated_utc_us != 0)
		return g_strdup("in the mailbox, but not allowed: imex contacts rollback would "
		                "take it back");
	if (!allowed)
		return g_strdup("not allowed");
	if (pass != NULL) {
		g_autofree char *next = contacts_time(pass->next_try_utc_us);
		listing->attention = true;
		return g_strdup_printf("needs attention: %s%s%s", pass->reason,
		        next != NULL ? ", next try " : "", next != NULL ? next : "");
	}
	if (steps > 0)
		return g_strdup("migrating");
	return g_strdup(status->migrated_utc_us != 0 ? "in the mailbox" : "waiting");
}

static bool count_notes(struct store *store, int64_t id, int64_t counts[3], GError **error)
{
	g_autoptr(GPtrArray) pending = store_contact_pending(store, id, error);
	g_autoptr(GPtrArray) problems =
	        pending != NULL ? store_contact_problems(store, id, error) : NULL;
	g_autoptr(GPtrArray) conflicts =
	        problems != NULL ? store_contact_conflicts(store, id, MAX_CONFLICTS, error) : NULL;
	if (conflicts == NULL)
		return false;
	counts[0] = pending->len;
	counts[1] = problems->len;
	counts[2] = conflicts->len;
	return true;
}

static bool list_status(const struct mailbox *mailbox, void *data, GError **error)
{
	struct listing *listing = data;
	struct tallies tallies = {0};
	int64_t steps = 0, sent = 0, notes[3];
	bool not_allowed = false;
	struct contacts_reading reading = {0};
	autoptr(contact_status) status = store_contact_status(listing->store, mailbox->id, error);
	if (status == NULL ||
	        !store_policy_is(listing->store, mailbox->owner, "contacts", "not-allowed",
	                &not_allowed, error) ||
	        !store_journal_count(listing->store, mailbox->id, &steps, &sent, error) ||
	        !contacts_each_row(listing->store, mailbox->id, tally_row, &tallies, error) ||
	        !count_notes(listing->store, mailbox->id, notes, error) ||
	        !contacts_reading(listing->store, mailbox->id, &reading, error))
		return false;
	g_autofree char *state = state_of(listing, mailbox, status, !not_allowed, steps);
	g_autofree char *read = contacts_time(status->im_read_utc_us);
	g_autofree char *as_of = contacts_time(reading.good_utc_us);
	g_auto(GStrv) numbers = g_new0(char *, 7);
	const int64_t values[] = {
	        tallies.ours, tallies.theirs, tallies.agreed, notes[0], notes[1], notes[2]};
	for (unsigned i = 0; i < G_N_ELEMENTS(values); i++)
		numbers[i] = contacts_number(values[i]);
	const char *cells[] = {mailbox->owner, mailbox->smtp, state, status->dialect, numbers[0],
	        numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], read, as_of};
	contacts_reading_clear(&reading);
	cli_table_row(listing->table, cells);
	return true;
}

static bool show_status(struct cli *cli, const char *user, bool *attention, GError **error)
{
	struct store *store = cli_store(cli, error);
	if (store == NULL)
		return false;
	autoptr(cli_table) table = cli_table_new(status_columns);
	g_autoptr(GPtrArray) failing = store_pass_failing(store, G_MAXINT32, error);
	struct listing listing = {.store = store, .table = table, .failing = failing};
	if (failing == NULL)
		return false;
	bool good;
	if (user != NULL) {
		autoptr(mailbox) mailbox = contacts_mailbox(cli, user, error);
		good = mailbox != NULL && list_status(mailbox, &listing, error);
	} else {
		good = store_mailbox_each(store, list_status, &listing, error);
	}
	if (good)
		cli_table_print(table, cli, stdout);
	*attention = listing.attention;
	return good;
}

static enum cli_exit run_status(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	bool attention = false;
	if (argc > 1)
		return cli_usage(&contacts_status, "it takes one user at most");
	if (!show_status(cli, argc == 1 ? argv[0] : NULL, &attention, &error))
		return cli_fail(error);
	return attention ? CLI_PARTIAL : CLI_DONE;
}

const struct command contacts_status = {
        .name = "status",
        .usage = "[USER]",
        .summary = "Where each contact list stands",
        .help = "The figures are those of the last pass. Exit status 3: a list needs attention.",
        .flags = COMMAND_JSON,
        .run = run_status,
};

/*
 * imex contacts conflicts, pending
 */

static enum cli_exit run_conflicts(struct cli *cli, int argc, char **argv)
{
	static const char *const columns[] = {
	        "seen", "contact", "field", "IM side", "mailbox", "taken", NULL};
	GError *error = NULL;
	if (argc != 1)
		return cli_usage(&contacts_conflicts, "name one user");
	autoptr(mailbox) mailbox = contacts_mailbox(cli, argv[0], &error);
	g_autoptr(GPtrArray) conflicts =
	        mailbox != NULL
	                ? store_contact_conflicts(cli->store, mailbox->id, MAX_CONFLICTS, &error)
	                : NULL;
	if (conflicts == NULL)
		return cli_fail(error);
	autoptr(cli_table) table = cli_table_new(columns);
	for (guint i = 0; i < conflicts->len; i++) {
		const struct contact_conflict *conflict = g_ptr_array_index(conflicts, i);
		g_autofree char *seen = contacts_time(conflict->seen_utc_us);
		const char *cells[] = {seen, conflict->key, conflict->field, conflict->im_value,
		        conflict->mail_value, conflict->mailbox_won ? "mailbox" : "IM side"};
		cli_table_row(table, cells);
	}
	cli_table_print(table, cli, stdout);
	return CLI_DONE;
}

const struct command contacts_conflicts = {
        .name = "conflicts",
        .usage = "USER",
        .summary = "Fields that both sides changed, with both values and whose was taken",
        .flags = COMMAND_JSON,
        .run = run_conflicts,
};

static enum cli_exit run_waiting(struct cli *cli, int argc, char **argv)
{
	static const char *const columns[] = {"contact", "since", "change", NULL};
	GError *error = NULL;
	if (argc != 1)
		return cli_usage(&contacts_waiting, "name one user");
	autoptr(mailbox) mailbox = contacts_mailbox(cli, argv[0], &error);
	g_autoptr(GPtrArray) pending =
	        mailbox != NULL ? store_contact_pending(cli->store, mailbox->id, &error) : NULL;
	if (pending == NULL)
		return cli_fail(error);
	autoptr(cli_table) table = cli_table_new(columns);
	for (guint i = 0; i < pending->len; i++) {
		const struct contact_pending *change = g_ptr_array_index(pending, i);
		g_autofree char *since = contacts_time(change->since_utc_us);
		g_autofree char *image = contacts_text(change->contact);
		const char *cells[] = {change->key, since, image != NULL ? image : "remove"};
		cli_table_row(table, cells);
	}
	cli_table_print(table, cli, stdout);
	return CLI_DONE;
}

const struct command contacts_waiting = {
        .name = "pending",
        .usage = "USER",
        .summary = "Changes of the mailbox that wait for the IM side to be writable",
        .help = "They are written when the source's setting `write` allows it.",
        .flags = COMMAND_JSON,
        .run = run_waiting,
};
