/* `imex contacts export` and `import`: contact lists in files. */
#include "cli/contacts.h"
#include "cli/contacts_private.h"
#include "cli/owners.h"
#include "core/address.h"
#include "im/listfile.h"
#include "store/contact_card.h"
#include "store/mailbox.h"

#include <string.h>

static gboolean all, add_only, allow_mass_delete;
static char *format_name, *wanted_version, *out_path;

static bool parse_format(enum listfile_format *format, GError **error)
{
	if (format_name == NULL || listfile_format_parse(format_name, format))
		return true;
	error_set(error, ERROR_CONFIG, "contacts.format",
	        "there is no format %s: it is json, vcard or xep0227", format_name);
	return false;
}

static void tell_odd(void *data, const char *what, const char *why)
{
	unsigned *odd = data;
	++*odd;
	fprintf(stderr, "imex: %s is left out: %s\n", what, why);
}

static void tell_written(void *data, const char *what, const char *why)
{
	unsigned *odd = data;
	++*odd;
	fprintf(stderr, "imex: contact %s: %s\n", what, why);
}

/*
 * imex contacts export
 */

struct exporting {
	struct cli *cli;
	int64_t version;
	GPtrArray *lists; /* struct listfile */
	unsigned odd; /* contacts or lists that are not in the file as they are */
};

static bool add_list(struct exporting *exporting, const char *user, GError **error)
{
	struct contacts_list list = {0};
	bool good = contacts_list_find(exporting->cli, user, &list, error) &&
	            contacts_list_load(exporting->cli, &list, exporting->version, error);
	if (good) {
		struct listfile *file = listfile_new(list.owner);
		file->stamped = true;
		file->in_mailbox = list.in_mailbox;
		file->generation = list.generation;
		file->taken_utc_us = list.as_of_utc_us;
		g_ptr_array_unref(file->contacts);
		file->contacts = g_steal_pointer(&list.contacts);
		if (list.in_mailbox && exporting->version < 0)
			file->cards = store_cards(exporting->cli->store, list.mailbox->id, error);
		good = !list.in_mailbox || exporting->version >= 0 || file->cards != NULL;
		g_ptr_array_add(exporting->lists, file);
		exporting->odd += list.left_out;
	}
	contacts_list_clear(&list);
	return good;
}

static bool add_owner(const struct mailbox *mailbox, void *data, GError **error)
{
	(void)error;
	g_hash_table_add(data, g_strdup(mailbox->owner));
	return true;
}

/* By domain, then by user: users of one host stand together. */
static int by_domain(const void *a, const void *b)
{
	const char *first = *(const char *const *)a, *second = *(const char *const *)b;
	int order = strcmp(address_domain(first), address_domain(second));
	return order != 0 ? order : strcmp(first, second);
}

/*
 * Everybody that the store or a source knows. A source that cannot be read is told of; the lists
 * that are in mailboxes can be written all the same.
 */
static GPtrArray *everybody(struct exporting *exporting, GError **error)
{
	struct cli *cli = exporting->cli;
	g_autoptr(GHashTable) owners = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	if (cli_store(cli, error) == NULL ||
	        !store_mailbox_each(cli->store, add_owner, owners, error))
		return NULL;
	autoptr(usermap) map = usermap_new(cli->config, error);
	if (map == NULL)
		return NULL;
	g_autoptr(GError) unreadable = NULL;
	g_autoptr(GPtrArray) known = cli_owners(cli->config, map, &unreadable);
	if (known == NULL) {
		exporting->odd++;
		fprintf(stderr, "imex: users that were never moved are left out: %s\n",
		        unreadable->message);
	}
	for (guint i = 0; known != NULL && i + 1 < known->len; i++)
		g_hash_table_add(owners, g_strdup(g_ptr_array_index(known, i)));
	GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
	GHashTableIter iter;
	void *owner;
	g_hash_table_iter_init(&iter, owners);
	while (g_hash_table_iter_next(&iter, &owner, NULL))
		g_ptr_array_add(list, g_strdup(owner));
	g_ptr_array_sort(list, by_domain);
	return list;
}

static bool add_everybody(struct exporting *exporting, GError **error)
{
	g_autoptr(GPtrArray) owners = everybody(exporting, error);
	for (guint i = 0; owners != NULL && i < owners->len; i++) {
		const char *owner = g_ptr_array_index(owners, i);
		g_autoptr(GError) cause = NULL;
		if (add_list(exporting, owner, &cause))
			continue;
		exporting->odd++;
		fprintf(stderr, "imex: the list of %s is left out: %s\n", owner, cause->message);
	}
	return owners != NULL;
}

static bool write_file(struct exporting *exporting, enum listfile_format format, GError **error)
{
	const struct listfile_sink sink = {tell_written, &exporting->odd};
	g_autofree char *text = listfile_write(format, exporting->lists, &sink, error);
	g_autoptr(GError) cause = NULL;
	if (text == NULL)
		return false;
	if (out_path == NULL) {
		fputs(text, stdout);
		return true;
	}
	if (g_file_set_contents_full(out_path, text, (gssize)strlen(text),
	            G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600, &cause))
		return true;
	error_set(error, ERROR_CONFIG, "contacts.file", "%s", cause->message);
	return false;
}

static bool export_lists(struct exporting *exporting, const char *user, GError **error)
{
	enum listfile_format format = LISTFILE_JSON;
	exporting->version = -1;
	if (!parse_format(&format, error) ||
	        (wanted_version != NULL &&
	                !contacts_version_parse(wanted_version, &exporting->version, error)))
		return false;
	return (user != NULL ? add_list(exporting, user, error)
	                     : add_everybody(exporting, error)) &&
	       write_file(exporting, format, error);
}

static void free_list(void *list)
{
	listfile_free(list);
}

static enum cli_exit run_export(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	if (argc != (all ? 0 : 1) || (all && wanted_version != NULL))
		return cli_usage(&contacts_export,
		        "name one user, or give --all; --version goes with one user");
	struct exporting exporting = {
	        .cli = cli, .lists = g_ptr_array_new_with_free_func(free_list)};
	bool good = export_lists(&exporting, all ? NULL : argv[0], &error);
	g_ptr_array_unref(exporting.lists);
	if (!good)
		return cli_fail(error);
	return exporting.odd > 0 ? CLI_PARTIAL : CLI_DONE;
}

static const GOptionEntry export_options[] = {
        {"all", 0, 0, G_OPTION_ARG_NONE, &all, "The lists of all users", NULL},
        {"format", 0, 0, G_OPTION_ARG_STRING, &format_name, "json (the default), vcard or xep0227",
                "FORMAT"},
        {"version", 0, 0, G_OPTION_ARG_STRING, &wanted_version, "The list as this version has it",
                "N"},
        {"out", 'o', 0, G_OPTION_ARG_FILENAME, &out_path,
                "Write into this file (0600) instead of standard output", "FILE"},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

const struct command contacts_export = {
        .name = "export",
        .usage = "USER|--all [--format FORMAT] [--version N] [--out FILE]",
        .summary = "Write contact lists into a file, in every state",
        .help = "A list that is kept in a mailbox is taken as it was read last, so that this works "
                "while the mailbox is down; any other is asked of the IM side. Each list is "
                "stamped with who is in charge of it and its generation. Exit status 3: something "
                "was left out.",
        .options = export_options,
        .run = run_export,
};

/*
 * imex contacts import
 */

static GPtrArray *read_lists(const char *path, unsigned *odd, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autofree char *bytes = NULL;
	gsize len = 0;
	enum listfile_format format = LISTFILE_JSON;
	if (!parse_format(&format, error))
		return NULL;
	if (!g_file_get_contents(path, &bytes, &len, &cause)) {
		error_set(error, ERROR_CONFIG, "contacts.file", "%s", cause->message);
		return NULL;
	}
	if (format_name == NULL && !listfile_guess(bytes, len, &format)) {
		error_set(error, ERROR_CONFIG, "contacts.format",
		        "%s is neither JSON nor vCard nor XML: nothing was imported", path);
		return NULL;
	}
	const struct listfile_sink sink = {tell_odd, odd};
	return listfile_read(format, bytes, len, &sink, error);
}

/* The user's list of the file; a file that names nobody is of whom the command says. */
static const struct listfile *pick_list(
        const GPtrArray *lists, const char *path, const char *owner, GError **error)
{
	const struct listfile *first = lists->len > 0 ? g_ptr_array_index(lists, 0) : NULL;
	for (guint i = 0; i < lists->len; i++) {
		const struct listfile *list = g_ptr_array_index(lists, i);
		if (g_strcmp0(list->owner, owner) == 0)
			return list;
	}
	if (lists->len == 1 && first->owner == NULL)
		return first;
	error_set(error, ERROR_CONFIG, "contacts.other_owner",
	        "%s holds the lists of %u users%s%s, but none of %s: nothing was imported", path,
	        lists->len, first != NULL && first->owner != NULL ? ", first that of " : "",
	        first != NULL && first->owner != NULL ? first->owner : "", owner);
	return NULL;
}

static const char *in_charge(bool in_mailbox)
{
	return in_mailbox ? "the mailbox was" : "the IM side was";
}

/* A backup of another mode or generation would undo what happened in between. */
static bool check_stamp(const struct listfile *file, const struct contacts_list *now,
        const char *path, GError **error)
{
	if (add_only)
		return true;
	if (!file->stamped) {
		error_set(error, ERROR_CONFIG, "contacts.no_stamp",
		        "%s does not say of which state of the list it is, so that it cannot "
		        "replace the list of %s: use --add to add the contacts that are missing",
		        path, now->owner);
		return false;
	}
	if (file->in_mailbox == now->in_mailbox && file->generation == now->generation)
		return true;
	error_set(error, ERROR_CONFIG, "contacts.other_generation",
	        "%s was exported while %s in charge of the contacts of %s (generation "
	        "%" G_GINT64_FORMAT "), and since then %s in generation %" G_GINT64_FORMAT
	        ": it cannot replace the list; use --add to add the contacts that are missing",
	        path, in_charge(file->in_mailbox), now->owner, file->generation,
	        in_charge(now->in_mailbox), now->generation);
	return false;
}

/* Under the names that the IM side has for them. */
static GPtrArray *for_im(struct cli *cli, const struct listfile *file, GError **error)
{
	autoptr(usermap) map = usermap_new(cli->config, error);
	if (map == NULL)
		return NULL;
	GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)contact_free);
	for (guint i = 0; i < file->contacts->len; i++) {
		struct contact *contact = contact_copy(g_ptr_array_index(file->contacts, i));
		char *key = usermap_to_im(map, contact->key, NULL);
		if (key != NULL) {
			g_free(contact->key);
			contact->key = key;
		}
		g_ptr_array_add(list, contact);
	}
	return list;
}

static bool import_list(
        struct cli *cli, const char *user, const char *path, unsigned *odd, GError **error)
{
	struct contacts_list now = {0};
	g_autoptr(GPtrArray) lists = read_lists(path, odd, error);
	const struct listfile *file = NULL;
	bool good = lists != NULL && contacts_list_find(cli, user, &now, error) &&
	            (file = pick_list(lists, path, now.owner, error)) != NULL &&
	            check_stamp(file, &now, path, error);
	g_autoptr(GPtrArray) contacts = good ? for_im(cli, file, error) : NULL;
	autoptr(contacts_target) target =
	        contacts != NULL ? contacts_target_new(add_only ? TARGET_ADDS : TARGET_BECOMES,
	                                   "import", contacts)
	                         : NULL;
	unsigned left_out = 0;
	good = target != NULL &&
	       contacts_bring_list(cli, &now, target, allow_mass_delete, &left_out, error);
	*odd += left_out;
	contacts_list_clear(&now);
	return good;
}

static enum cli_exit run_import(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	unsigned odd = 0;
	if (argc != 2)
		return cli_usage(&contacts_import, "name one user and a file");
	if (!import_list(cli, argv[0], argv[1], &odd, &error))
		return cli_fail(error);
	return odd > 0 ? CLI_PARTIAL : CLI_DONE;
}

static const GOptionEntry import_options[] = {
        {"format", 0, 0, G_OPTION_ARG_STRING, &format_name,
                "json, vcard or xep0227; found out from the file unless given", "FORMAT"},
        {"add", 0, 0, G_OPTION_ARG_NONE, &add_only,
                "Add the contacts that are missing; change and delete nothing", NULL},
        {"allow-mass-delete", 0, 0, G_OPTION_ARG_NONE, &allow_mass_delete,
                "Deletions that were stopped are meant", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

const struct command contacts_import = {
        .name = "import",
        .usage = "USER FILE [--format FORMAT] [--add] [--allow-mass-delete]",
        .summary = "Make a list what a file of imex contacts export says, or add to it",
        .help = "The file must have been exported while the same side was in charge, in the same "
                "generation of the list: else it could undo what happened since. With --add any "
                "file will do, and nothing is changed or deleted. Goes through a plan like every "
                "change. Exit status 3: something was left out.",
        .flags = COMMAND_JSON | COMMAND_DRY_RUN,
        .options = import_options,
        .run = run_import,
};
