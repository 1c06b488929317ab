#include "cli/contacts_private.h"
#include "cli/subject.h"
#include "core/address.h"
#include "core/clock.h"
#include "im/source.h"
#include "store/mailbox.h"
#include "store/pass.h"

#include <string.h>

#define PAGE_ROWS 1024

char *contacts_time(int64_t utc_us)
{
	return utc_us != 0 ? clock_format_iso(utc_us - utc_us % CLOCK_US_PER_S) : NULL;
}

char *contacts_number(int64_t value)
{
	return g_strdup_printf("%" G_GINT64_FORMAT, value);
}

struct mailbox *contacts_mailbox(struct cli *cli, const char *text, GError **error)
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

bool contacts_each_row(
        struct store *store, int64_t id, contacts_row_fn visit, void *data, GError **error)
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

const struct contact *contacts_theirs(const struct contact_row *row)
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

bool contacts_alike(const struct contact *ours, const struct contact *theirs)
{
	return ours != NULL && theirs != NULL && g_strcmp0(ours->name, theirs->name) == 0 &&
	       contact_same_groups(ours, theirs);
}

char *contacts_text(const struct contact *contact)
{
	if (contact == NULL)
		return NULL;
	GString *text = g_string_new(contact->name != NULL ? contact->name : "(no name)");
	for (guint i = 0; i < contact->groups->len; i++)
		g_string_append_printf(text, "%s%s", i == 0 ? " [" : ", ",
		        (const char *)g_ptr_array_index(contact->groups, i));
	if (contact->groups->len > 0)
		g_string_append_c(text, ']');
	if (contact->tel_uri != NULL)
		g_string_append_printf(text, " %s", contact->tel_uri);
	return g_string_free(text, FALSE);
}

char *contacts_age(int64_t utc_us)
{
	static const struct {
		int64_t s;
		const char *name;
	} units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
	int64_t age_s = MAX(clock_utc_us() - utc_us, 0) / CLOCK_US_PER_S;
	unsigned i = 0;
	while (i + 1 < G_N_ELEMENTS(units) && age_s < 2 * units[i].s)
		i++;
	int64_t n = age_s / units[i].s;
	return g_strdup_printf("%" G_GINT64_FORMAT " %s%s", n, units[i].name, n == 1 ? "" : "s");
}

bool contacts_reading(
        struct store *store, int64_t mailbox_id, struct contacts_reading *out, GError **error)
{
	struct pass *pass = NULL;
	*out = (struct contacts_reading){0};
	if (!store_pass_get(store, mailbox_id, PASS_CONTACTS, &pass, error))
		return false;
	if (pass == NULL)
		return true;
	out->good_utc_us = pass->good_utc_us;
	out->trouble = g_strdup(pass->message);
	pass_free(pass);
	return true;
}

void contacts_reading_clear(struct contacts_reading *reading)
{
	g_clear_pointer(&reading->trouble, g_free);
}

void contacts_list_clear(struct contacts_list *list)
{
	g_free(list->owner);
	if (list->mailbox != NULL)
		mailbox_free(list->mailbox);
	if (list->contacts != NULL)
		g_ptr_array_unref(list->contacts);
	*list = (struct contacts_list){0};
}

bool contacts_list_find(
        struct cli *cli, const char *user, struct contacts_list *list, GError **error)
{
	*list = (struct contacts_list){.owner = cli_user(user, error)};
	struct store *store = list->owner != NULL ? cli_store(cli, error) : NULL;
	if (store == NULL || !store_mailbox_by_owner(store, list->owner, &list->mailbox, error))
		return false;
	if (list->mailbox == NULL)
		return true;
	autoptr(contact_status) status = store_contact_status(store, list->mailbox->id, error);
	if (status == NULL)
		return false;
	list->in_mailbox = status->migrated_utc_us != 0;
	list->generation = status->generation;
	return true;
}

static void free_contact(void *contact)
{
	contact_free(contact);
}

static int by_key(const void *a, const void *b)
{
	const struct contact *const *first = a, *const *second = b;
	return strcmp((*first)->key, (*second)->key);
}

static void take_theirs(void *data, const struct contact_row *row)
{
	const struct contact *theirs = contacts_theirs(row);
	if (theirs != NULL)
		g_ptr_array_add(data, contact_copy(theirs));
}

static bool load_mirror(struct cli *cli, struct contacts_list *list, GError **error)
{
	struct contacts_reading reading;
	if (!contacts_reading(cli->store, list->mailbox->id, &reading, error))
		return false;
	list->as_of_utc_us = reading.good_utc_us;
	contacts_reading_clear(&reading);
	list->contacts = g_ptr_array_new_with_free_func(free_contact);
	return contacts_each_row(cli->store, list->mailbox->id, take_theirs, list->contacts, error);
}

static void tell_odd(void *data, const struct im_odd *odd)
{
	struct contacts_list *list = data;
	list->left_out++;
	fprintf(stderr, "imex: contact %s of %s is left out: %s\n",
	        odd->key != NULL ? odd->key : "(no address)", list->owner, odd->detail);
}

static bool load_roster(struct cli *cli, struct contacts_list *list, GError **error)
{
	const char *domain = address_domain(list->owner);
	if (!config_has_section(cli->config, "domain", domain)) {
		error_set(error, ERROR_CONFIG, "domain.unknown",
		        "there is no [domain %s] in %s: add it with its source and server", domain,
		        config_path(cli->config));
		return false;
	}
	const char *name = config_require(cli->config, "domain", domain, "source", error);
	autoptr(im_source) source = name != NULL ? im_source_open(cli->config, name, error) : NULL;
	autoptr(im_roster) roster =
	        source != NULL ? im_source_roster_read(source, list->owner, tell_odd, list, error)
	                       : NULL;
	if (roster == NULL)
		return false;
	list->as_of_utc_us = clock_utc_us();
	list->contacts = g_ptr_array_ref(roster->contacts);
	return true;
}

static bool load_version(
        struct cli *cli, struct contacts_list *list, int64_t version, GError **error)
{
	autoptr(snapshot) snapshot = store_snapshot_find(
	        cli->store, list->mailbox != NULL ? list->mailbox->id : 0, version, error);
	if (snapshot == NULL)
		return false;
	list->version = snapshot->version;
	list->as_of_utc_us = snapshot->taken_utc_us;
	list->contacts =
	        store_snapshot_read(cli->store, list->mailbox->id, snapshot->version, error);
	return list->contacts != NULL;
}

bool contacts_list_load(
        struct cli *cli, struct contacts_list *list, int64_t version, GError **error)
{
	g_clear_pointer(&list->contacts, g_ptr_array_unref);
	list->version = 0;
	bool good = version >= 0       ? load_version(cli, list, version, error)
	            : list->in_mailbox ? load_mirror(cli, list, error)
	                               : load_roster(cli, list, error);
	if (good)
		g_ptr_array_sort(list->contacts, by_key);
	return good;
}

bool contacts_version_parse(const char *text, int64_t *version, GError **error)
{
	guint64 number = 0;
	if (g_ascii_string_to_unsigned(text, 10, 1, G_MAXINT64, &number, NULL)) {
		*version = (int64_t)number;
		return true;
	}
	error_set(error, ERROR_CONFIG, "contacts.version",
	        "%s is not the number of a version: imex contacts history lists them", text);
	return false;
}
