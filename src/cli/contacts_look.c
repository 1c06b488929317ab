/* `imex contacts`: what the store knows, without asking anybody. */
#include "cli/contacts.h"
#include "cli/contacts_private.h"
#include "store/contact.h"
#include "store/mailbox.h"

#include <string.h>

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

/*
 * imex contacts groups
 */

struct group_sizes {
	GHashTable *im, *mail; /* name -> number of members */
};

static void count_groups(GHashTable *sizes, const struct contact *contact)
{
	for (guint i = 0; contact != NULL && i < contact->groups->len; i++) {
		const char *name = g_ptr_array_index(contact->groups, i);
		guint size = GPOINTER_TO_UINT(g_hash_table_lookup(sizes, name));
		g_hash_table_replace(sizes, g_strdup(name), GUINT_TO_POINTER(size + 1));
	}
}

static void count_row(void *data, const struct contact_row *row)
{
	const struct group_sizes *sizes = data;
	count_groups(sizes->im, row->ours);
	count_groups(sizes->mail, contacts_theirs(row));
}

static void add_group(const struct group_sizes *sizes, struct cli_table *table, const char *name,
        const char *kind, const char *smtp)
{
	g_autofree char *im =
	        contacts_number(GPOINTER_TO_UINT(g_hash_table_lookup(sizes->im, name)));
	g_autofree char *mail =
	        contacts_number(GPOINTER_TO_UINT(g_hash_table_lookup(sizes->mail, name)));
	const char *cells[] = {name, kind, smtp, im, mail};
	cli_table_row(table, cells);
}

/* The mailbox's groups first, and then those that are no more than names of the contacts' groups.
 */
static void add_groups(
        const struct group_sizes *sizes, const GPtrArray *objects, struct cli_table *table)
{
	g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
	GHashTable *const sides[] = {sizes->im, sizes->mail};
	for (guint i = 0; i < objects->len; i++) {
		const struct group *group =
		        ((struct contact_group *)g_ptr_array_index(objects, i))->group;
		add_group(sizes, table, group->name, group_kind_name(group->kind), group->smtp);
		if (group_is_set(group))
			g_hash_table_add(names, group->name);
	}
	for (unsigned s = 0; s < G_N_ELEMENTS(sides); s++) {
		g_autoptr(GList) found = g_hash_table_get_keys(sides[s]);
		found = g_list_sort(found, (GCompareFunc)strcmp);
		for (const GList *name = found; name != NULL; name = name->next)
			if (g_hash_table_add(names, name->data))
				add_group(sizes, table, name->data,
				        group_kind_name(GROUP_KIND_USER), NULL);
	}
}

static bool show_groups(struct cli *cli, const char *user, GError **error)
{
	static const char *const columns[] = {
	        "group", "kind", "address", "IM side", "mailbox", NULL};
	autoptr(mailbox) mailbox = contacts_mailbox(cli, user, error);
	g_autoptr(GPtrArray) objects =
	        mailbox != NULL ? store_contact_groups(cli->store, mailbox->id, error) : NULL;
	if (objects == NULL)
		return false;
	g_autoptr(GHashTable) im = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GHashTable) mail = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	struct group_sizes sizes = {im, mail};
	if (!contacts_each_row(cli->store, mailbox->id, count_row, &sizes, error))
		return false;
	autoptr(cli_table) table = cli_table_new(columns);
	add_groups(&sizes, objects, table);
	cli_table_print(table, cli, stdout);
	return true;
}

static enum cli_exit run_groups(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	if (argc != 1)
		return cli_usage(&contacts_groups, "name one user");
	return show_groups(cli, argv[0], &error) ? CLI_DONE : cli_fail(error);
}

const struct command contacts_groups = {
        .name = "groups",
        .usage = "USER",
        .summary = "The groups of a contact list, with their members on both sides",
        .help = "Groups that the IM side cannot hold are kept here: empty ones, distribution "
                "groups (whose members the directory knows) and \"Other Contacts\" (which is "
                "being in no group). Favorites and tagged contacts are groups of that name on the "
                "IM side.",
        .flags = COMMAND_JSON,
        .run = run_groups,
};
