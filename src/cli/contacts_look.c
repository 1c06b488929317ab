/* `imex contacts`: what the store knows, without asking anybody. */
#include "cli/contacts.h"
#include "cli/subject.h"
#include "core/clock.h"
#include "store/contact.h"
#include "store/journal.h"
#include "store/mailbox.h"
#include "store/pass.h"
#include "store/policy.h"

#include <string.h>

#define PAGE_ROWS 1024
#define MAX_CONFLICTS 1000

static char *time_text(int64_t utc_us)
{
	return utc_us != 0 ? clock_format_iso(utc_us - utc_us % CLOCK_US_PER_S) : NULL;
}

static char *number(int64_t value)
{
	return g_strdup_printf("%" G_GINT64_FORMAT, value);
}

/* The pinned mailbox of a user; NULL with user.unknown when nothing was done for him yet. */
static struct mailbox *find_mailbox(struct cli *cli, const char *text, GError **error)
{
	g_autofree char *owner = cli_user(text, error);
	struct store *store = owner != NULL ? cli_store(cli, error) : NULL;
	struct mailbox *mailbox = NULL;
	if (store == NULL || !store_mailbox_by_owner(store, owner, &mailbox, error))
		return NULL;
	if (mailbox == NULL)
		error_set(error, ERROR_CONFIG, "user.unknown",
		        "nothing is known of the contacts of %s: imex migrate --user %s begins",
		        owner, owner);
	return mailbox;
}

/*
 * imex contacts status
 */

struct tallies {
	int64_t ours, theirs, agreed, differ;
};

typedef void (*row_fn)(void *data, const struct contact_row *row);

static bool each_row(struct store *store, int64_t id, row_fn visit, void *data, GError **error)
{
	g_autofree char *after = g_strdup("");
	for (;;) {
		g_autoptr(GPtrArray) rows = NULL;
		if (!store_contact_rows(store, id, after, PAGE_ROWS, &rows, error))
			return false;
		if (rows->len == 0)
			return true;
		for (guint i = 0; i < rows->len; i++)
			visit(data, g_ptr_array_index(rows, i));
		const struct contact_row *last = g_ptr_array_index(rows, rows->len - 1);
		g_free(after);
		after = g_strdup(last->key);
	}
}

static const struct contact *theirs_of(const struct contact_row *row)
{
	for (guint i = 0; i < row->items->len; i++) {
		const struct contact_item *item = g_ptr_array_index(row->items, i);
		if (g_strcmp0(item->item_id, row->agreed_item_id) == 0)
			return item->contact;
	}
	if (row->items->len == 0)
		return NULL;
	const struct contact_item *first = g_ptr_array_index(row->items, 0);
	return first->contact;
}

/* A telephone number cannot be compared: the IM side may not hold any. */
static bool alike(const struct contact *ours, const struct contact *theirs)
{
	return ours != NULL && theirs != NULL && g_strcmp0(ours->name, theirs->name) == 0 &&
	       contact_same_groups(ours, theirs);
}

static void tally_row(void *data, const struct contact_row *row)
{
	struct tallies *tallies = data;
	const struct contact *theirs = theirs_of(row);
	tallies->ours += row->ours != NULL;
	tallies->theirs += theirs != NULL;
	tallies->agreed += row->agreed_im != NULL;
	tallies->differ += (row->ours != NULL || theirs != NULL) && !alike(row->ours, theirs);
}

static const char *const status_columns[] = {"user", "mailbox", "state", "dialect", "IM side",
        "in mailbox", "in step", "waiting", "problems", "conflicts", "last read", NULL};

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
		g_autofree char *next = time_text(pass->next_try_utc_us);
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
	autoptr(contact_status) status = store_contact_status(listing->store, mailbox->id, error);
	if (status == NULL ||
	        !store_policy_is(listing->store, mailbox->owner, "contacts", "not-allowed",
	                &not_allowed, error) ||
	        !store_journal_count(listing->store, mailbox->id, &steps, &sent, error) ||
	        !each_row(listing->store, mailbox->id, tally_row, &tallies, error) ||
	        !count_notes(listing->store, mailbox->id, notes, error))
		return false;
	g_autofree char *state = state_of(listing, mailbox, status, !not_allowed, steps);
	g_autofree char *read = time_text(status->im_read_utc_us);
	g_auto(GStrv) numbers = g_new0(char *, 7);
	const int64_t values[] = {
	        tallies.ours, tallies.theirs, tallies.agreed, notes[0], notes[1], notes[2]};
	for (unsigned i = 0; i < G_N_ELEMENTS(values); i++)
		numbers[i] = number(values[i]);
	const char *cells[] = {mailbox->owner, mailbox->smtp, state, status->dialect, numbers[0],
	        numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], read};
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
		autoptr(mailbox) mailbox = find_mailbox(cli, user, error);
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
 * imex contacts show, diff
 */

struct side_by_side {
	struct cli_table *table;
	bool only_differences;
};

static char *side_text(const struct contact *contact)
{
	if (contact == NULL)
		return NULL;
	GString *text = g_string_new(contact->name != NULL ? contact->name : "(no name)");
	for (guint i = 0; i < contact->groups->len; i++)
		g_string_append_printf(text, "%s%s", i == 0 ? " [" : ", ",
		        (const char *)g_ptr_array_index(contact->groups, i));
	if (contact->groups->len > 0)
		g_string_append_c(text, ']');
	return g_string_free(text, FALSE);
}

static const char *row_state(const struct contact_row *row, const struct contact *theirs)
{
	if (row->unreadable)
		return "unreadable";
	if (row->items->len > 1)
		return "twice in mailbox";
	if (theirs == NULL)
		return "IM side only";
	if (row->ours == NULL)
		return "mailbox only";
	return alike(row->ours, theirs) ? "same" : "different";
}

static void add_side_by_side(void *data, const struct contact_row *row)
{
	const struct side_by_side *sides = data;
	const struct contact *theirs = theirs_of(row);
	if (row->ours == NULL && theirs == NULL && !row->unreadable)
		return;
	const char *state = row_state(row, theirs);
	if (sides->only_differences && g_str_equal(state, "same"))
		return;
	g_autofree char *im = side_text(row->ours);
	g_autofree char *mail = side_text(theirs);
	const char *cells[] = {row->key, im, mail, state};
	cli_table_row(sides->table, cells);
}

static enum cli_exit show_sides(struct cli *cli, const struct command *command, int argc,
        char **argv, bool only_differences)
{
	static const char *const columns[] = {"contact", "IM side", "mailbox", "state", NULL};
	GError *error = NULL;
	if (argc != 1)
		return cli_usage(command, "name one user");
	autoptr(mailbox) mailbox = find_mailbox(cli, argv[0], &error);
	if (mailbox == NULL)
		return cli_fail(error);
	autoptr(cli_table) table = cli_table_new(columns);
	struct side_by_side sides = {table, only_differences};
	if (!each_row(cli->store, mailbox->id, add_side_by_side, &sides, &error))
		return cli_fail(error);
	cli_table_print(table, cli, stdout);
	return CLI_DONE;
}

static enum cli_exit run_show(struct cli *cli, int argc, char **argv)
{
	return show_sides(cli, &contacts_show, argc, argv, false);
}

const struct command contacts_show = {
        .name = "show",
        .usage = "USER",
        .summary = "Both sides of a contact list, side by side",
        .help = "Shows the lists as the last pass left them; nobody is asked.",
        .flags = COMMAND_JSON,
        .run = run_show,
};

static enum cli_exit run_diff(struct cli *cli, int argc, char **argv)
{
	return show_sides(cli, &contacts_diff, argc, argv, true);
}

const struct command contacts_diff = {
        .name = "diff",
        .usage = "USER",
        .summary = "Contacts that are not the same on both sides",
        .help = "Compares the lists as the last pass left them; nobody is asked.",
        .flags = COMMAND_JSON,
        .run = run_diff,
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
	autoptr(mailbox) mailbox = find_mailbox(cli, argv[0], &error);
	g_autoptr(GPtrArray) conflicts =
	        mailbox != NULL
	                ? store_contact_conflicts(cli->store, mailbox->id, MAX_CONFLICTS, &error)
	                : NULL;
	if (conflicts == NULL)
		return cli_fail(error);
	autoptr(cli_table) table = cli_table_new(columns);
	for (guint i = 0; i < conflicts->len; i++) {
		const struct contact_conflict *conflict = g_ptr_array_index(conflicts, i);
		g_autofree char *seen = time_text(conflict->seen_utc_us);
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
	autoptr(mailbox) mailbox = find_mailbox(cli, argv[0], &error);
	g_autoptr(GPtrArray) pending =
	        mailbox != NULL ? store_contact_pending(cli->store, mailbox->id, &error) : NULL;
	if (pending == NULL)
		return cli_fail(error);
	autoptr(cli_table) table = cli_table_new(columns);
	for (guint i = 0; i < pending->len; i++) {
		const struct contact_pending *change = g_ptr_array_index(pending, i);
		g_autofree char *since = time_text(change->since_utc_us);
		g_autofree char *image = side_text(change->contact);
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
