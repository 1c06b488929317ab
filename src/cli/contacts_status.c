/* `imex contacts status`: where each list stands, from the store and the user map alone. */
#include "cli/contacts.h"
#include "cli/contacts_private.h"
#include "cli/owners.h"
#include "cli/subject.h"
#include "core/address.h"
#include "store/mailbox.h"
#include "sync/lifecycle.h"

#include <string.h>

#define MAX_CONFLICTS 1000

static gboolean all, counts;

struct listing {
	struct cli *cli;
	const struct usermap *map; /* or NULL */
	struct cli_table *table;
	GHashTable *sites; /* "domain server" -> uint64_t[LIFECYCLE_STATES]; with --counts */
	GHashTable *listed; /* owners, so that none is shown twice */
	bool attention;
};

struct tallies {
	int64_t ours, theirs, agreed;
};

static void tally_row(void *data, const struct contact_row *row)
{
	struct tallies *tallies = data;
	tallies->ours += row->ours != NULL;
	tallies->theirs += contacts_theirs(row) != NULL;
	tallies->agreed += row->agreed_im != NULL;
}

/* Changes that wait, contacts with a problem, conflicts, contacts kept on the IM side. */
enum { WAITING, PROBLEMS, CONFLICTS, KEPT, NOTES };

static bool count_notes(struct store *store, int64_t id, int64_t notes[NOTES], GError **error)
{
	g_autoptr(GPtrArray) pending = store_contact_pending(store, id, error);
	g_autoptr(GPtrArray) problems =
	        pending != NULL ? store_contact_problems(store, id, error) : NULL;
	g_autoptr(GPtrArray) conflicts =
	        problems != NULL ? store_contact_conflicts(store, id, MAX_CONFLICTS, error) : NULL;
	g_autoptr(GHashTable) kept = conflicts != NULL ? store_life_kept(store, id, error) : NULL;
	if (kept == NULL)
		return false;
	notes[WAITING] = pending->len;
	notes[PROBLEMS] = problems->len;
	notes[CONFLICTS] = conflicts->len;
	notes[KEPT] = g_hash_table_size(kept);
	return true;
}

static const char *const columns[] = {"user", "mailbox", "state", "reason", "until", "policy",
        "store", "flag", "drift", "dialect", "IM side", "in mailbox", "in step", "waiting",
        "problems", "conflicts", "kept", "last read", "as of", NULL};

static const char *flag_name(enum life_answer flag)
{
	static const char *const names[] = {NULL, "not completed", "completed"};
	return names[flag];
}

/* The figures of a list that was looked at; all NULL for one that was not. */
static bool read_figures(
        struct store *store, const struct lifecycle *life, char *figures[9], GError **error)
{
	struct tallies tallies = {0};
	struct contacts_reading reading = {0};
	int64_t notes[NOTES], id = life->mailbox->id;
	if (!contacts_each_row(store, id, tally_row, &tallies, error) ||
	        !count_notes(store, id, notes, error) ||
	        !contacts_reading(store, id, &reading, error))
		return false;
	const int64_t values[] = {tallies.ours, tallies.theirs, tallies.agreed, notes[WAITING],
	        notes[PROBLEMS], notes[CONFLICTS], notes[KEPT]};
	for (unsigned i = 0; i < G_N_ELEMENTS(values); i++)
		figures[i] = contacts_number(values[i]);
	figures[7] = contacts_time(life->status->im_read_utc_us);
	figures[8] = contacts_time(reading.good_utc_us);
	contacts_reading_clear(&reading);
	return true;
}

static void add_row(
        struct listing *listing, const char *owner, const struct lifecycle *life, char *figures[9])
{
	bool in_mailbox = life->status != NULL && life->status->migrated_utc_us != 0;
	g_autofree char *until = contacts_time(life->until_utc_us);
	const char *cells[] = {owner, life->mailbox != NULL ? life->mailbox->smtp : NULL,
	        lifecycle_state_name(life->state), life->reason, until,
	        life->policy.allowed ? "allowed" : "not-allowed", in_mailbox ? "mailbox" : "im",
	        flag_name(life->life.completed), life->drift,
	        life->status != NULL ? life->status->dialect : NULL, figures[0], figures[1],
	        figures[2], figures[3], figures[4], figures[5], figures[6], figures[7], figures[8]};
	cli_table_row(listing->table, cells);
}

static bool list_row(
        struct listing *listing, const char *owner, const struct lifecycle *life, GError **error)
{
	char *figures[9] = {NULL};
	bool good =
	        life->mailbox == NULL || read_figures(listing->cli->store, life, figures, error);
	if (good)
		add_row(listing, owner, life, figures);
	for (unsigned i = 0; i < G_N_ELEMENTS(figures); i++)
		g_free(figures[i]);
	return good;
}

static void count_site(struct listing *listing, const char *owner, const struct lifecycle *life)
{
	const char *domain = address_domain(owner);
	const char *server =
	        config_has_section(listing->cli->config, "domain", domain)
	                ? config_string(listing->cli->config, "domain", domain, "server")
	                : NULL;
	if (life->mailbox != NULL)
		server = life->mailbox->server;
	g_autofree char *key = g_strdup_printf("%s %s", domain, server != NULL ? server : "-");
	uint64_t *numbers = g_hash_table_lookup(listing->sites, key);
	if (numbers == NULL) {
		numbers = g_new0(uint64_t, LIFECYCLE_STATES);
		g_hash_table_insert(listing->sites, g_strdup(key), numbers);
	}
	numbers[life->state]++;
}

static bool list_owner(struct listing *listing, const char *owner, GError **error)
{
	struct lifecycle life;
	bool good = lifecycle_of(
	        listing->cli->store, listing->cli->config, listing->map, owner, &life, error);
	if (good && counts)
		count_site(listing, owner, &life);
	else if (good)
		good = list_row(listing, owner, &life, error);
	listing->attention =
	        listing->attention || (good && (life.state == LIFECYCLE_NEEDS_ATTENTION ||
	                                               life.state == LIFECYCLE_ROLLING_BACK));
	lifecycle_clear(&life);
	return good;
}

static bool list_mailbox(const struct mailbox *mailbox, void *data, GError **error)
{
	struct listing *listing = data;
	return g_hash_table_contains(listing->listed, mailbox->owner) ||
	       list_owner(listing, mailbox->owner, error);
}

/* Who was written for, and with all also whom the sources and the map file know. */
static bool list_everybody(struct listing *listing, GError **error)
{
	if (!all)
		return store_mailbox_each(listing->cli->store, list_mailbox, listing, error);
	g_autoptr(GPtrArray) owners = cli_owners(listing->cli->config, listing->map, error);
	if (owners == NULL)
		return false;
	for (guint i = 0; i + 1 < owners->len; i++) {
		if (!list_owner(listing, owners->pdata[i], error))
			return false;
		g_hash_table_add(listing->listed, g_strdup(owners->pdata[i]));
	}
	/* Whoever left the IM side still has a mailbox here. */
	return store_mailbox_each(listing->cli->store, list_mailbox, listing, error);
}

static void print_sites(const struct listing *listing)
{
	static const char *const site_columns[] = {"domain", "server", "state", "users", NULL};
	autoptr(cli_table) table = cli_table_new(site_columns);
	g_autoptr(GList) keys = g_hash_table_get_keys(listing->sites);
	keys = g_list_sort(keys, (GCompareFunc)strcmp);
	for (const GList *key = keys; key != NULL; key = key->next) {
		const uint64_t *numbers = g_hash_table_lookup(listing->sites, key->data);
		g_auto(GStrv) names = g_strsplit(key->data, " ", 2);
		for (unsigned state = 0; state < LIFECYCLE_STATES; state++) {
			g_autofree char *users = contacts_number((int64_t)numbers[state]);
			const char *cells[] = {
			        names[0], names[1], lifecycle_state_name(state), users};
			if (numbers[state] > 0)
				cli_table_row(table, cells);
		}
	}
	cli_table_print(table, listing->cli, stdout);
}

static bool show(struct cli *cli, const char *user, bool *attention, GError **error)
{
	if (cli_store(cli, error) == NULL)
		return false;
	g_autoptr(GError) unmapped = NULL;
	autoptr(usermap) map = usermap_new(cli->config, &unmapped);
	autoptr(cli_table) table = cli_table_new(columns);
	g_autoptr(GHashTable) sites =
	        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_autoptr(GHashTable) listed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	struct listing listing = {
	        .cli = cli, .map = map, .table = table, .sites = sites, .listed = listed};
	/* What is in the store is worth showing while a directory is down. */
	if (map == NULL)
		fprintf(stderr, "imex: the user map cannot be read: %s\n", unmapped->message);
	g_autofree char *owner = user != NULL ? cli_user(user, error) : NULL;
	if (user != NULL && owner == NULL)
		return false;
	if (!(owner != NULL ? list_owner(&listing, owner, error) : list_everybody(&listing, error)))
		return false;
	if (counts)
		print_sites(&listing);
	else
		cli_table_print(table, cli, stdout);
	*attention = listing.attention;
	return true;
}

static enum cli_exit run_status(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	bool attention = false;
	if (argc > 1)
		return cli_usage(&contacts_status, "it takes one user at most");
	if (argc == 1 && (all || counts))
		return cli_usage(&contacts_status, "either a user, or --all and --counts");
	if (!show(cli, argc == 1 ? argv[0] : NULL, &attention, &error))
		return cli_fail(error);
	return attention ? CLI_PARTIAL : CLI_DONE;
}

static const GOptionEntry options[] = {
        {"all", 'a', 0, G_OPTION_ARG_NONE, &all, "Also users for whom nothing was done yet", NULL},
        {"counts", 0, 0, G_OPTION_ARG_NONE, &counts,
                "Only how many users of each domain and server are in each state", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

const struct command contacts_status = {
        .name = "status",
        .usage = "[USER | --all] [--counts]",
        .summary = "Where each contact list stands",
        .help = "States: not allowed, waiting (until), not eligible (reason), migrating, in the "
                "mailbox, rolling back, rolled back (pinned until imex contacts unpin), needs "
                "attention (reason, next try). policy, store and flag are what the policy says, "
                "who is in charge of the list, and what the mail server was told; drift names "
                "what does not fit. The figures are those of the last pass.\n\n"
                "Exit status 3: a list needs attention.",
        .flags = COMMAND_JSON,
        .options = options,
        .run = run_status,
};
