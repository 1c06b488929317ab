/* `imex contacts`: what the store knows, without asking anybody. */
#include "cli/contacts.h"
#include "cli/contacts_private.h"
#include "store/contact.h"
#include "store/mailbox.h"

#define MAX_CONFLICTS 1000

/*
 * imex contacts conflicts, pending
 */

struct listing {
	struct store *store;
	struct cli_table *table;
};

/* What became of the contact: the state that both sides were brought to. */
static bool add_conflict(const struct listing *listing, const struct mailbox *mailbox,
        const struct contact_conflict *conflict, GError **error)
{
	autoptr(contact_row) row =
	        store_contact_row(listing->store, mailbox->id, conflict->key, error);
	if (row == NULL)
		return false;
	g_autofree char *seen = contacts_time(conflict->seen_utc_us);
	g_autofree char *now = contacts_text(row->agreed_mail);
	const char *cells[] = {mailbox->owner, seen, conflict->key, conflict->field,
	        conflict->im_value, conflict->mail_value,
	        conflict->mailbox_won ? "mailbox" : "IM side", now};
	cli_table_row(listing->table, cells);
	return true;
}

static bool list_conflicts(const struct mailbox *mailbox, void *data, GError **error)
{
	const struct listing *listing = data;
	g_autoptr(GPtrArray) conflicts =
	        store_contact_conflicts(listing->store, mailbox->id, MAX_CONFLICTS, error);
	bool good = conflicts != NULL;
	for (guint i = 0; good && i < conflicts->len; i++)
		good = add_conflict(listing, mailbox, g_ptr_array_index(conflicts, i), error);
	return good;
}

static bool show_conflicts(struct cli *cli, const char *user, GError **error)
{
	static const char *const columns[] = {
	        "user", "seen", "contact", "field", "IM side", "mailbox", "taken", "now", NULL};
	struct store *store = cli_store(cli, error);
	if (store == NULL)
		return false;
	autoptr(cli_table) table = cli_table_new(columns);
	autoptr(mailbox) mailbox = user != NULL ? contacts_mailbox(cli, user, error) : NULL;
	struct listing listing = {.store = store, .table = table};
	bool good = user == NULL ? store_mailbox_each(store, list_conflicts, &listing, error)
	                         : mailbox != NULL && list_conflicts(mailbox, &listing, error);
	if (good)
		cli_table_print(table, cli, stdout);
	return good;
}

static enum cli_exit run_conflicts(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	if (argc > 1)
		return cli_usage(&contacts_conflicts, "it takes one user at most");
	return show_conflicts(cli, argc == 1 ? argv[0] : NULL, &error) ? CLI_DONE : cli_fail(error);
}

const struct command contacts_conflicts = {
        .name = "conflicts",
        .usage = "[USER]",
        .summary = "Fields that both sides changed, with both values and whose was taken",
        .help = "\"now\" is what both sides had agreed on after the last pass.",
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
