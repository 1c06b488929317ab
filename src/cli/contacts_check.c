/* `imex contacts test` and `verify`: both sides are read anew, and nothing is written. */
#include "cli/contacts.h"
#include "cli/contacts_private.h"
#include "core/address.h"
#include "core/clock.h"

static gboolean dedupe;

/*
 * imex contacts test
 */

struct probe {
	uint64_t contacts, unusable;
	const char *dialect;
	int64_t latency_us;
};

static bool count_contact(const struct ews_contact_change *change, void *data, GError **error)
{
	struct probe *probe = data;
	(void)error;
	probe->contacts += change->kind == EWS_CHANGE_UPSERT;
	probe->unusable += change->kind == EWS_CHANGE_UNUSABLE;
	return true;
}

static bool count_again(void *data, GError **error)
{
	struct probe *probe = data;
	(void)error;
	probe->contacts = probe->unusable = 0;
	return true;
}

/* As Skype's own test does it: the list is opened as its user and read. */
static bool work_test(
        void *data, struct contacts_run *run, struct contacts_report *report, GError **error)
{
	struct probe *probe = data;
	(void)report;
	const struct ews_contacts_sink sink = {
	        .contact = count_contact, .restart = count_again, .data = probe};
	g_autofree char *state = NULL;
	bool full = false;
	int64_t begun_us = clock_mono_us();
	probe->dialect = ews_dialect_name(run->mail.dialect);
	bool good = run->mail.driver->confirm(run->mail.data, error) &&
	            run->mail.driver->changes(run->mail.data, NULL, &sink, &state, &full, error);
	probe->latency_us = clock_mono_us() - begun_us;
	return good;
}

static void print_test(
        struct cli *cli, const char *user, const struct probe *probe, const GError *error)
{
	static const char *const columns[] = {
	        "user", "result", "contacts", "dialect", "ms", "reason", "message", NULL};
	autoptr(cli_table) table = cli_table_new(columns);
	g_autofree char *contacts = contacts_number((int64_t)probe->contacts);
	g_autofree char *ms = contacts_number(probe->latency_us / 1000);
	g_autofree char *summary =
	        probe->unusable == 0
	                ? g_strdup_printf("%" G_GUINT64_FORMAT " contacts", probe->contacts)
	                : g_strdup_printf("%" G_GUINT64_FORMAT " contacts, and %" G_GUINT64_FORMAT
	                                  " items that cannot be understood",
	                          probe->contacts, probe->unusable);
	const char *good[] = {user, "success", contacts, probe->dialect, ms, NULL, summary};
	const char *bad[] = {user, "failure", NULL, probe->dialect, ms,
	        error != NULL ? error_reason(error) : NULL, error != NULL ? error->message : NULL};
	cli_table_row(table, error == NULL ? good : bad);
	cli_table_print(table, cli, stdout);
}

static enum cli_exit run_test(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	struct probe probe = {0};
	struct contacts_job job = {
	        .work = work_test, .data = &probe, .scratch = true, .anyone = true};
	if (argc != 1)
		return cli_usage(&contacts_test, "name one user");
	bool good = contacts_do(cli, argv[0], &job, &error);
	/* Not what was asked, but how: wrong words, no configuration, no store. */
	if (!good && !job.visited)
		return cli_fail(error);
	print_test(cli, argv[0], &probe, error);
	g_clear_error(&error);
	return good ? CLI_DONE : CLI_FAILED;
}

const struct command contacts_test = {
        .name = "test",
        .usage = "USER",
        .summary = "Read a user's list in the mailbox, and say how long it took or why not",
        .help = "Works whether or not the list was moved, and whatever the policy is. A list "
                "without contacts is a success. Exit status 1: it could not be read.",
        .flags = COMMAND_JSON,
        .run = run_test,
};

/*
 * imex contacts verify
 */

struct verify {
	struct cli_table *table;
	uint64_t good;
};

static void find_fault(struct verify *verify, const char *subject, const char *finding,
        const struct contact *im, const struct contact *mail, const struct contact *agreed)
{
	g_autofree char *ours = contacts_text(im);
	g_autofree char *theirs = contacts_text(mail);
	g_autofree char *both = contacts_text(agreed);
	const char *cells[] = {subject, finding, ours, theirs, both};
	cli_table_row(verify->table, cells);
}

/* The twins of a contact's item, apart from those that add nothing to it. */
static void check_twins(struct verify *verify, const struct contact_row *row)
{
	const struct contact *kept = contacts_theirs(row);
	for (guint i = 0; i < row->items->len; i++) {
		const struct contact_item *item = g_ptr_array_index(row->items, i);
		if (item->contact != kept)
			find_fault(verify, row->key,
			        contact_covers(kept, item->contact)
			                ? "twice in the mailbox: --dedupe removes it"
			                : "twice in the mailbox, and not the same",
			        row->ours, item->contact, row->agreed_mail);
	}
}

static void check_row(void *data, const struct contact_row *row)
{
	struct verify *verify = data;
	const struct contact *theirs = contacts_theirs(row);
	const char *finding = NULL;
	if (row->unreadable)
		finding = "the IM side's entry cannot be understood";
	else if (row->ours == NULL && theirs == NULL)
		finding = row->agreed_im != NULL ? "gone on both sides since the last pass" : NULL;
	else if (theirs == NULL)
		finding = "on the IM side only";
	else if (row->ours == NULL)
		finding = address_is_tel(row->key) ? NULL : "in the mailbox only";
	else if (!contacts_alike(row->ours, theirs))
		finding = "not the same on both sides";
	else if (row->agreed_im == NULL)
		finding = "the same on both sides, but not agreed on";
	else if (!contact_equal(row->ours, row->agreed_im) ||
	         !contact_equal(theirs, row->agreed_mail))
		finding = "changed on both sides since the last pass";
	if (finding != NULL)
		find_fault(verify, row->key, finding, row->ours, theirs, row->agreed_mail);
	else
		verify->good += row->ours != NULL || theirs != NULL;
	check_twins(verify, row);
}

/* MS-OXWSCOS: the default groups are always there, once; no two groups have one name. */
static bool check_groups(
        struct verify *verify, struct store *store, int64_t mailbox_id, GError **error)
{
	static const enum group_kind defaults[] = {
	        GROUP_KIND_OTHER, GROUP_KIND_FAVORITES, GROUP_KIND_TAGGED};
	g_autoptr(GPtrArray) groups = store_contact_groups(store, mailbox_id, error);
	unsigned kinds[GROUP_KIND_FAVORITES + 1] = {0};
	g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
	for (guint i = 0; groups != NULL && i < groups->len; i++) {
		const struct group *group =
		        ((struct contact_group *)g_ptr_array_index(groups, i))->group;
		kinds[group->kind]++;
		if (group->kind == GROUP_KIND_USER && !g_hash_table_add(names, group->name))
			find_fault(
			        verify, group->name, "two groups have this name", NULL, NULL, NULL);
	}
	for (unsigned i = 0; groups != NULL && i < G_N_ELEMENTS(defaults); i++) {
		if (kinds[defaults[i]] != 1)
			find_fault(verify, group_kind_name(defaults[i]),
			        kinds[defaults[i]] == 0 ? "this default group is missing"
			                                : "this default group is there twice",
			        NULL, NULL, NULL);
	}
	return groups != NULL;
}

static void find_in_list(void *data, const char *subject, const char *finding)
{
	find_fault(data, subject, finding, NULL, NULL, NULL);
}

/* A pass on the scratch store reads both sides in full and plans; then what was read is compared.
 */
static bool work_verify(
        void *data, struct contacts_run *run, struct contacts_report *report, GError **error)
{
	struct verify *verify = data;
	int64_t id = run->lease->mailbox->id;
	/* What is found is shown whole: no guard against deletions that nobody plans. */
	run->options.allow_mass_delete = true;
	if (!contacts_pass(run, report, error) ||
	        !contacts_each_row(run->store, id, check_row, verify, error))
		return false;
	if (report->foreign > 0) {
		g_autofree char *number = contacts_number((int64_t)report->foreign);
		find_fault(verify, number, "contacts of the mailbox have no address on the IM side",
		        NULL, NULL, NULL);
	}
	return run->mail.driver->check(run->mail.data, find_in_list, verify, error) &&
	       (run->mail.dialect != EWS_DIALECT_UCS ||
	               check_groups(verify, run->store, id, error));
}

static bool work_dedupe(
        void *data, struct contacts_run *run, struct contacts_report *report, GError **error)
{
	run->options.dedupe = true;
	bool good = contacts_pass(run, report, error);
	*(uint64_t *)data = report->twins_removed;
	return good;
}

/* A pass that also removes what stands twice in the mailbox and adds nothing. */
static bool remove_twins(struct cli *cli, const char *user, GError **error)
{
	uint64_t removed = 0;
	struct contacts_job job = {.work = work_dedupe, .data = &removed, .quiet = true};
	struct contacts_list list = {0};
	bool good = contacts_list_find(cli, user, &list, error);
	if (good && !list.in_mailbox) {
		error_set(error, ERROR_CONFIG, "contacts.not_moved",
		        "the contacts of %s are not kept in the mailbox: --dedupe has nothing to "
		        "do there",
		        list.owner);
		good = false;
	}
	good = good && contacts_do(cli, user, &job, error);
	if (good && !cli->json)
		printf("%" G_GUINT64_FORMAT " doubled contacts removed from the mailbox\n",
		        removed);
	contacts_list_clear(&list);
	return good;
}

static bool verify_list(struct cli *cli, const char *user, struct verify *verify, GError **error)
{
	struct contacts_job job = {.work = work_verify, .data = verify, .scratch = true};
	if (dedupe && !cli->dry_run && !remove_twins(cli, user, error))
		return false;
	if (!contacts_do(cli, user, &job, error))
		return false;
	cli_table_print(verify->table, cli, stdout);
	if (!cli->json)
		printf("%" G_GUINT64_FORMAT " contacts are as agreed on both sides, %u findings\n",
		        verify->good, cli_table_rows(verify->table));
	return true;
}

static enum cli_exit run_verify(struct cli *cli, int argc, char **argv)
{
	static const char *const columns[] = {
	        "subject", "finding", "IM side", "mailbox", "agreed", NULL};
	GError *error = NULL;
	if (argc != 1)
		return cli_usage(&contacts_verify, "name one user");
	autoptr(cli_table) table = cli_table_new(columns);
	struct verify verify = {.table = table};
	if (!verify_list(cli, argv[0], &verify, &error))
		return cli_fail(error);
	return cli_table_rows(table) > 0 ? CLI_PARTIAL : CLI_DONE;
}

static const GOptionEntry verify_options[] = {
        {"dedupe", 0, 0, G_OPTION_ARG_NONE, &dedupe,
                "Remove what stands twice in the mailbox and adds nothing", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

const struct command contacts_verify = {
        .name = "verify",
        .usage = "USER [--dedupe]",
        .summary = "Compare both sides of a list, read anew, with what was agreed",
        .help = "Writes nothing, unless --dedupe removes what stands twice in the mailbox: only "
                "an item whose name, telephone number and groups another item of the same contact "
                "has, too. Exit status 3: something is not as it should be.",
        .flags = COMMAND_JSON | COMMAND_DRY_RUN,
        .options = verify_options,
        .run = run_verify,
};
