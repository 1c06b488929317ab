/* `imex contacts`: what the store knows, without asking anybody. */
#include "cli/contacts.h"
#include "cli/contacts_private.h"
#include "store/contact.h"
#include "store/mailbox.h"

#define MAX_CONFLICTS 1000

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
