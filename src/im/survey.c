#include "im/survey.h"

#include "core/address.h"
#include "core/clock.h"
#include "core/error.h"

#include <string.h>

#define PAGE_ROWS 1000
#define IDLE_GAP_US (600 * CLOCK_US_PER_S)
#define PROGRESS_EVERY 100

/* One conversation while it is counted. */
struct talk {
	int64_t last_utc_us; /* 0: nothing yet */
	bool is_room;
	unsigned locals; /* users of this server in a pair */
	GHashTable *people; /* users of this server who spoke in the talk of a room */
};

struct counting {
	struct im_source *source;
	struct im_survey_options options;
	struct im_survey *survey;
	GHashTable *owners; /* of this server */
	GHashTable *talks; /* key -> struct talk */
	GHashTable *domains, *foreign, *problems; /* name -> struct im_survey_count */
	uint64_t total; /* of what is being counted */
};

static void count_free(gpointer data)
{
	struct im_survey_count *count = data;
	g_free(count->name);
	g_free(count->example);
	g_free(count);
}

static void talk_free(gpointer data)
{
	struct talk *talk = data;
	g_hash_table_unref(talk->people);
	g_free(talk);
}

void im_survey_free(struct im_survey *survey)
{
	g_ptr_array_unref(survey->domains);
	g_ptr_array_unref(survey->foreign);
	g_ptr_array_unref(survey->problems);
	g_free(survey);
}

uint64_t im_survey_messages(const struct im_survey *survey)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < IM_SURVEY_KINDS; i++)
		sum += survey->messages[i];
	return sum;
}

static void count(GHashTable *table, const char *name, const char *example)
{
	struct im_survey_count *found = g_hash_table_lookup(table, name);
	if (found == NULL) {
		found = g_new0(struct im_survey_count, 1);
		found->name = g_strdup(name);
		found->example = g_strdup(example);
		g_hash_table_insert(table, found->name, found);
	}
	found->count++;
}

static int compare_counts(const void *a, const void *b)
{
	const struct im_survey_count *const *first = a;
	const struct im_survey_count *const *second = b;
	if ((*first)->count != (*second)->count)
		return (*first)->count < (*second)->count ? 1 : -1;
	return strcmp((*first)->name, (*second)->name);
}

static GPtrArray *sorted(GHashTable *table)
{
	GPtrArray *list = g_ptr_array_new_with_free_func(count_free);
	GHashTableIter iter;
	gpointer value;
	g_hash_table_iter_init(&iter, table);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		g_ptr_array_add(list, value);
		g_hash_table_iter_steal(&iter);
	}
	g_ptr_array_sort(list, compare_counts);
	return list;
}

static void progress(const struct counting *counting, const char *what, uint64_t done, bool force)
{
	if (counting->options.progress != NULL && (force || done % PROGRESS_EVERY == 0))
		counting->options.progress(counting->options.data, what, done, counting->total);
}

static void on_odd(void *data, const struct im_odd *odd)
{
	struct counting *counting = data;
	g_autofree char *name = g_strdup_printf("%s: %s", odd->what, odd->reason);
	g_autofree char *example = g_strdup_printf("%s%s%s", odd->owner != NULL ? odd->owner : "",
	        odd->owner != NULL && odd->key != NULL ? ", " : "",
	        odd->key != NULL ? odd->key : "");
	count(counting->problems, name, example);
}

/* Rosters. */

static bool on_owner(void *data, const char *owner, const char *version, GError **error)
{
	(void)version, (void)error;
	struct counting *counting = data;
	counting->survey->users++;
	g_hash_table_add(counting->owners, g_strdup(owner));
	count(counting->domains, address_domain(owner), NULL);
	return true;
}

static void count_roster(struct counting *counting, const struct im_roster *roster)
{
	struct im_survey *survey = counting->survey;
	g_autoptr(GHashTable) groups = g_hash_table_new(g_str_hash, g_str_equal);
	for (guint i = 0; i < roster->contacts->len; i++) {
		const struct contact *contact = g_ptr_array_index(roster->contacts, i);
		const char *domain = address_domain(contact->key);
		for (guint j = 0; j < contact->groups->len; j++)
			g_hash_table_add(groups, g_ptr_array_index(contact->groups, j));
		if (!g_hash_table_contains(counting->domains, domain))
			count(counting->foreign, domain, contact->key);
	}
	survey->contacts += roster->contacts->len;
	survey->groups += g_hash_table_size(groups);
	survey->requests += roster->requests->len;
	survey->unreadable_contacts += roster->unreadable->len;
	if (roster->contacts->len == 0)
		survey->users_without_contacts++;
}

static bool count_rosters(struct counting *counting, GError **error)
{
	if (!im_source_owners(counting->source, on_owner, counting, error))
		return false;
	uint64_t done = 0;
	GHashTableIter iter;
	gpointer owner;
	counting->total = counting->survey->users;
	g_hash_table_iter_init(&iter, counting->owners);
	while (g_hash_table_iter_next(&iter, &owner, NULL)) {
		GError *cause = NULL;
		autoptr(im_roster) roster =
		        im_source_roster_read(counting->source, owner, on_odd, counting, &cause);
		done++;
		progress(counting, "contact lists", done, done == counting->total);
		if (roster != NULL) {
			count_roster(counting, roster);
			continue;
		}
		if (error_class_of(cause) != ERROR_MAILBOX) {
			g_propagate_error(error, cause);
			return false;
		}
		const struct im_odd odd = {
		        .what = "roster", .owner = owner, .reason = error_reason(cause)};
		on_odd(counting, &odd);
		counting->survey->unreadable_rosters++;
		g_clear_error(&cause);
	}
	return true;
}

/* Messages. */

/* The talk is over: how many items it would be. */
static void finish_talk(struct counting *counting, struct talk *talk)
{
	struct im_survey *survey = counting->survey;
	if (talk->last_utc_us == 0)
		return;
	unsigned items = talk->is_room ? g_hash_table_size(talk->people) : talk->locals;
	survey->talks++;
	survey->items += items;
	if (items == 0)
		survey->untold_talks++;
	g_hash_table_remove_all(talk->people);
	talk->last_utc_us = 0;
}

static bool is_local(const struct counting *counting, const char *address)
{
	return address != NULL && g_hash_table_contains(counting->owners, address);
}

static struct talk *talk_of(struct counting *counting, const struct message *message)
{
	g_autofree char *key = NULL;
	if (message->is_room)
		key = g_strdup(message->peer);
	else if (strcmp(message->owner, message->peer) < 0)
		key = g_strconcat(message->owner, " ", message->peer, NULL);
	else
		key = g_strconcat(message->peer, " ", message->owner, NULL);
	struct talk *talk = g_hash_table_lookup(counting->talks, key);
	if (talk != NULL)
		return talk;
	talk = g_new0(struct talk, 1);
	talk->is_room = message->is_room;
	talk->people = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	if (message->is_room)
		counting->survey->talked_rooms++;
	else
		counting->survey->conversations++;
	/* An owner has an archive even if the account is gone. */
	talk->locals = message->is_room || g_strcmp0(message->owner, message->peer) == 0
	                       ? 1
	                       : 1u + is_local(counting, message->peer);
	g_hash_table_insert(counting->talks, g_steal_pointer(&key), talk);
	return talk;
}

static bool is_same_talk(
        const struct counting *counting, const struct talk *talk, int64_t sent_utc_us)
{
	return ABS(sent_utc_us - talk->last_utc_us) <= counting->options.idle_gap_us &&
	       sent_utc_us / CLOCK_US_PER_DAY == talk->last_utc_us / CLOCK_US_PER_DAY;
}

/* What a user of this server sent is in the own archive, too: there it counts. */
static bool is_further_copy(const struct counting *counting, const struct message *message)
{
	return !message->is_room && is_local(counting, message->sender) &&
	       g_strcmp0(message->sender, message->owner) != 0;
}

static bool on_message(void *data, const struct message *message, GError **error)
{
	(void)error;
	struct counting *counting = data;
	struct im_survey *survey = counting->survey;
	struct talk *talk = talk_of(counting, message);
	int64_t sent_utc_us = message->sent_utc_us;

	if (talk->last_utc_us != 0 && !is_same_talk(counting, talk, sent_utc_us))
		finish_talk(counting, talk);
	talk->last_utc_us = MAX(sent_utc_us, 1);
	if (message->is_room && is_local(counting, message->sender))
		g_hash_table_add(talk->people, g_strdup(message->sender));
	if (!is_further_copy(counting, message))
		survey->messages[message->kind]++;
	if (survey->first_utc_us == 0 || sent_utc_us < survey->first_utc_us)
		survey->first_utc_us = sent_utc_us;
	survey->last_utc_us = MAX(survey->last_utc_us, sent_utc_us);
	return true;
}

static bool count_messages(struct counting *counting, GError **error)
{
	const struct im_message_sink sink = {
	        .message = on_message, .odd = on_odd, .data = counting};
	g_autofree char *until = im_source_cursor_now(counting->source, error);
	g_autofree char *cursor =
	        until != NULL ? im_source_cursor_since(counting->source, 0, error) : NULL;
	bool more = cursor != NULL;
	counting->total = 0;
	while (more) {
		struct im_page page;
		if (!im_source_messages(
		            counting->source, cursor, until, PAGE_ROWS, &sink, &page, error))
			return false;
		g_free(cursor);
		cursor = g_steal_pointer(&page.cursor);
		counting->survey->rows += page.rows;
		counting->survey->left_out += page.left_out;
		more = page.more;
		progress(counting, "archived rows", counting->survey->rows, true);
	}
	return cursor != NULL;
}

static bool on_room(void *data, const struct im_room *room, GError **error)
{
	(void)error;
	struct counting *counting = data;
	counting->survey->rooms++;
	if (room->anonymous)
		counting->survey->anonymous_rooms++;
	return true;
}

static bool count_all(struct counting *counting, GError **error)
{
	if (!count_rosters(counting, error) || !count_messages(counting, error) ||
	        !im_source_rooms(counting->source, on_room, on_odd, counting, error))
		return false;
	GHashTableIter iter;
	gpointer talk;
	g_hash_table_iter_init(&iter, counting->talks);
	while (g_hash_table_iter_next(&iter, NULL, &talk))
		finish_talk(counting, talk);
	return true;
}

static GHashTable *count_table(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, NULL, count_free);
}

struct im_survey *im_survey_run(
        struct im_source *source, const struct im_survey_options *options, GError **error)
{
	struct im_survey *survey = g_new0(struct im_survey, 1);
	struct counting counting = {.source = source,
	        .survey = survey,
	        .owners = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
	        .talks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, talk_free),
	        .domains = count_table(),
	        .foreign = count_table(),
	        .problems = count_table()};
	if (options != NULL)
		counting.options = *options;
	if (counting.options.idle_gap_us == 0)
		counting.options.idle_gap_us = IDLE_GAP_US;
	bool good = count_all(&counting, error);
	survey->domains = sorted(counting.domains);
	survey->foreign = sorted(counting.foreign);
	survey->problems = sorted(counting.problems);
	GHashTable *const tables[] = {counting.owners, counting.talks, counting.domains,
	        counting.foreign, counting.problems};
	for (unsigned i = 0; i < G_N_ELEMENTS(tables); i++)
		g_hash_table_unref(tables[i]);
	if (good)
		return survey;
	im_survey_free(survey);
	return NULL;
}
