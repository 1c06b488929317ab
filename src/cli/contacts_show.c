/* `imex contacts`: lists and their versions, from the store. */
#include "cli/contacts.h"
#include "cli/contacts_private.h"
#include "core/clock.h"
#include "store/contact_card.h"

#include <string.h>

struct side_by_side {
	struct cli_table *table;
	bool only_differences;
};

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
	return contacts_alike(row->ours, theirs) ? "same" : "different";
}

static void add_side_by_side(void *data, const struct contact_row *row)
{
	const struct side_by_side *sides = data;
	const struct contact *theirs = contacts_theirs(row);
	if (row->ours == NULL && theirs == NULL && !row->unreadable)
		return;
	const char *state = row_state(row, theirs);
	if (sides->only_differences && g_str_equal(state, "same"))
		return;
	g_autofree char *im = contacts_text(row->ours);
	g_autofree char *mail = contacts_text(theirs);
	const char *cells[] = {row->key, im, mail, state};
	cli_table_row(sides->table, cells);
}

/* How old the list is; a mailbox that is down is said to be. Nothing with --json. */
static bool print_age(struct cli *cli, const struct mailbox *mailbox, GError **error)
{
	struct contacts_reading reading;
	if (!contacts_reading(cli->store, mailbox->id, &reading, error))
		return false;
	g_autofree char *at = contacts_time(reading.good_utc_us);
	g_autofree char *age = contacts_age(reading.good_utc_us);
	if (at == NULL)
		printf("%s was never read to its end\n", mailbox->smtp);
	else
		printf("as of %s, %s ago\n", at, age);
	if (reading.trouble != NULL)
		printf("this is the last good list, to be read only: %s\n", reading.trouble);
	contacts_reading_clear(&reading);
	return true;
}

static bool show_sides(struct cli *cli, const char *user, bool only_differences, GError **error)
{
	static const char *const columns[] = {"contact", "IM side", "mailbox", "state", NULL};
	autoptr(mailbox) mailbox = contacts_mailbox(cli, user, error);
	if (mailbox == NULL)
		return false;
	autoptr(cli_table) table = cli_table_new(columns);
	struct side_by_side sides = {table, only_differences};
	if (!contacts_each_row(cli->store, mailbox->id, add_side_by_side, &sides, error))
		return false;
	cli_table_print(table, cli, stdout);
	return cli->json || print_age(cli, mailbox, error);
}

/*
 * imex contacts show
 */

static char *show_version;
static gboolean details;

static void add_number(void *data, const char *kind, const char *number)
{
	GString *text = data;
	g_string_append_printf(text, "%s%s %s", text->len > 0 ? ", " : "", kind, number);
}

static void add_card(struct cli_table *table, const char *key, const struct contact_card *card)
{
	g_autoptr(GString) phones = g_string_new(NULL);
	g_autofree char *photo = NULL;
	contact_card_each_phone(card, add_number, phones);
	if (card->photo != NULL)
		photo = g_strdup_printf(
		        "%s, %zu bytes", card->photo_type, g_bytes_get_size(card->photo));
	const char *cells[] = {key, phones->len > 0 ? phones->str : NULL, card->birthday,
	        photo != NULL     ? photo
	        : card->has_photo ? "not read yet"
	                          : NULL};
	cli_table_row(table, cells);
}

static bool show_details(struct cli *cli, const char *user, GError **error)
{
	static const char *const columns[] = {"contact", "telephones", "birthday", "photo", NULL};
	autoptr(mailbox) mailbox = contacts_mailbox(cli, user, error);
	g_autoptr(GHashTable) cards =
	        mailbox != NULL ? store_cards(cli->store, mailbox->id, error) : NULL;
	if (cards == NULL)
		return false;
	autoptr(cli_table) table = cli_table_new(columns);
	g_autoptr(GList) keys = g_hash_table_get_keys(cards);
	keys = g_list_sort(keys, (GCompareFunc)strcmp);
	for (const GList *key = keys; key != NULL; key = key->next)
		add_card(table, key->data, g_hash_table_lookup(cards, key->data));
	cli_table_print(table, cli, stdout);
	return true;
}

static bool show_one_version(struct cli *cli, const char *user, GError **error)
{
	static const char *const columns[] = {"contact", "name", "groups", "telephone", NULL};
	struct contacts_list list = {0};
	int64_t version = 0;
	bool good = contacts_version_parse(show_version, &version, error) &&
	            contacts_list_find(cli, user, &list, error) &&
	            contacts_list_load(cli, &list, version, error);
	autoptr(cli_table) table = cli_table_new(columns);
	for (guint i = 0; good && i < list.contacts->len; i++) {
		const struct contact *contact = g_ptr_array_index(list.contacts, i);
		g_autoptr(GPtrArray) names = g_ptr_array_copy(contact->groups, NULL, NULL);
		g_ptr_array_set_free_func(names, NULL);
		g_ptr_array_add(names, NULL);
		g_autofree char *groups = g_strjoinv(", ", (char **)names->pdata);
		const char *cells[] = {contact->key, contact->name, groups, contact->tel_uri};
		cli_table_row(table, cells);
	}
	if (good)
		cli_table_print(table, cli, stdout);
	contacts_list_clear(&list);
	return good;
}

static enum cli_exit run_show(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	if (argc != 1)
		return cli_usage(&contacts_show, "name one user");
	if (details && show_version != NULL)
		return cli_usage(&contacts_show, "either --version or --details");
	bool good = details                ? show_details(cli, argv[0], &error)
	            : show_version != NULL ? show_one_version(cli, argv[0], &error)
	                                   : show_sides(cli, argv[0], false, &error);
	return good ? CLI_DONE : cli_fail(error);
}

static const GOptionEntry show_options[] = {
        {"version", 0, 0, G_OPTION_ARG_STRING, &show_version, "The list as this version has it",
                "N"},
        {"details", 0, 0, G_OPTION_ARG_NONE, &details,
                "Telephone numbers, birthdays and photos that the mailbox has", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

const struct command contacts_show = {
        .name = "show",
        .usage = "USER [--version N | --details]",
        .summary = "Both sides of a contact list, side by side",
        .help = "Shows the lists as the last good pass left them and says how old that is; nobody "
                "is asked, so that it works while the mailbox is down.",
        .flags = COMMAND_JSON,
        .options = show_options,
        .run = run_show,
};

/*
 * imex contacts diff
 */

static void add_change(struct cli_table *table, const char *key, const struct contact *before,
        const struct contact *after)
{
	if (before != NULL && after != NULL && contact_equal(before, after))
		return;
	g_autofree char *was = contacts_text(before);
	g_autofree char *is = contacts_text(after);
	const char *cells[] = {key, was, is,
	        before == NULL  ? "added"
	        : after == NULL ? "removed"
	                        : "changed"};
	cli_table_row(table, cells);
}

/* Both are sorted by the bytes of their keys. */
static void add_changes(struct cli_table *table, const GPtrArray *before, const GPtrArray *after)
{
	guint i = 0, j = 0;
	while (i < before->len || j < after->len) {
		const struct contact *was = i < before->len ? before->pdata[i] : NULL;
		const struct contact *is = j < after->len ? after->pdata[j] : NULL;
		int order = was == NULL ? 1 : is == NULL ? -1 : strcmp(was->key, is->key);
		const struct contact *either = order <= 0 ? before->pdata[i] : after->pdata[j];
		add_change(table, either->key, order <= 0 ? was : NULL, order >= 0 ? is : NULL);
		i += order <= 0;
		j += order >= 0;
	}
}

/* to NULL: as it is now. */
static bool diff_versions(
        struct cli *cli, const char *user, const char *from, const char *to, GError **error)
{
	static const char *const columns[] = {"contact", "before", "after", "change", NULL};
	struct contacts_list list = {0};
	int64_t first = 0, second = -1;
	if (!contacts_version_parse(from, &first, error) ||
	        (to != NULL && !contacts_version_parse(to, &second, error)))
		return false;
	bool good = contacts_list_find(cli, user, &list, error) &&
	            contacts_list_load(cli, &list, first, error);
	g_autoptr(GPtrArray) before = good ? g_ptr_array_ref(list.contacts) : NULL;
	good = good && contacts_list_load(cli, &list, second, error);
	if (good) {
		autoptr(cli_table) table = cli_table_new(columns);
		add_changes(table, before, list.contacts);
		cli_table_print(table, cli, stdout);
	}
	contacts_list_clear(&list);
	return good;
}

static enum cli_exit run_diff(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	if (argc < 1 || argc > 3)
		return cli_usage(&contacts_diff, "name one user, and two versions at most");
	bool good = argc == 1 ? show_sides(cli, argv[0], true, &error)
	                      : diff_versions(
	                                cli, argv[0], argv[1], argc == 3 ? argv[2] : NULL, &error);
	return good ? CLI_DONE : cli_fail(error);
}

const struct command contacts_diff = {
        .name = "diff",
        .usage = "USER [VERSION [VERSION]]",
        .summary = "What differs between both sides, or between two versions of a list",
        .help = "Without a version: the contacts that are not the same on both sides, as the last "
                "pass left them. With one: what changed from it until now. With two: what changed "
                "from the first to the second.",
        .flags = COMMAND_JSON,
        .run = run_diff,
};

/*
 * imex contacts history
 */

static void add_version(struct cli_table *table, const struct snapshot *snapshot)
{
	const int64_t values[] = {snapshot->version, snapshot->contacts, snapshot->added,
	        snapshot->changed, snapshot->removed};
	g_autofree char *taken = contacts_time(snapshot->taken_utc_us);
	g_auto(GStrv) numbers = g_new0(char *, G_N_ELEMENTS(values) + 1);
	for (unsigned i = 0; i < G_N_ELEMENTS(values); i++)
		numbers[i] = contacts_number(values[i]);
	const char *cells[] = {
	        numbers[0], taken, snapshot->cause, numbers[1], numbers[2], numbers[3], numbers[4]};
	cli_table_row(table, cells);
}

static enum cli_exit run_history(struct cli *cli, int argc, char **argv)
{
	static const char *const columns[] = {
	        "version", "taken", "by", "contacts", "added", "changed", "removed", NULL};
	GError *error = NULL;
	if (argc != 1)
		return cli_usage(&contacts_history, "name one user");
	autoptr(mailbox) mailbox = contacts_mailbox(cli, argv[0], &error);
	g_autoptr(GPtrArray) list =
	        mailbox != NULL ? store_snapshot_list(cli->store, mailbox->id, &error) : NULL;
	if (list == NULL)
		return cli_fail(error);
	autoptr(cli_table) table = cli_table_new(columns);
	for (guint i = 0; i < list->len; i++)
		add_version(table, g_ptr_array_index(list, i));
	cli_table_print(table, cli, stdout);
	return CLI_DONE;
}

const struct command contacts_history = {
        .name = "history",
        .usage = "USER",
        .summary = "The versions of a contact list that are kept, newest first",
        .help = "imex contacts show and diff look at one, imex contacts restore brings one back. "
                "How long they are kept: [sync] snapshot_all and snapshot_daily.",
        .flags = COMMAND_JSON,
        .run = run_history,
};
