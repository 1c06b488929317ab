#include "sync/transcribe.h"

#include "core/address.h"
#include "core/clock.h"
#include "core/error.h"
#include "store/cursor.h"
#include "store/message.h"
#include "sync/attach.h"
#include "sync/route.h"

#include <string.h>

/* Gaps that are told in transcripts. */
#define GAPS_MAX 10000

struct transcriber {
	const struct config *config;
	const struct usermap *map;
	struct segment_rules rules;
	GTimeZone *zone;
	const char *zone_name;
	bool names_resolved;
	size_t files_max_bytes;
	char *domain;
	GPtrArray *gaps; /* struct gap: those that are open; NULL: not read yet */
};

/* The right side of Message-IDs: the first domain that is ours. */
static char *id_domain(const struct config *config)
{
	const char *const *names = config_names(config, "domain");
	char *ascii = names[0] != NULL ? address_domain_ascii(names[0], NULL) : NULL;
	return ascii != NULL ? ascii : g_strdup("imex.invalid");
}

struct transcriber *transcriber_new(
        const struct config *config, const struct usermap *map, GError **error)
{
	const char *zone_name = config_string(config, "archive", NULL, "time_zone");
	GTimeZone *zone = render_zone(zone_name, error);
	if (zone == NULL)
		return NULL;
	struct transcriber *transcriber = g_new0(struct transcriber, 1);
	transcriber->config = config;
	transcriber->map = map;
	transcriber->zone = zone;
	transcriber->zone_name = zone_name;
	transcriber->domain = id_domain(config);
	transcriber->files_max_bytes =
	        (size_t)config_int(config, "archive", NULL, "files_max_mb") * 1024 * 1024;
	transcriber->names_resolved = config_bool(config, "archive", NULL, "resolve_anonymous");
	transcriber->rules = segment_rules_default;
	transcriber->rules.idle_gap_us =
	        config_duration_s(config, "archive", NULL, "idle_gap") * CLOCK_US_PER_S;
	transcriber->rules.max_messages =
	        (unsigned)config_int(config, "archive", NULL, "max_messages");
	return transcriber;
}

void transcriber_free(struct transcriber *transcriber)
{
	g_time_zone_unref(transcriber->zone);
	g_free(transcriber->domain);
	g_clear_pointer(&transcriber->gaps, g_ptr_array_unref);
	g_free(transcriber);
}

const struct segment_rules *transcriber_rules(const struct transcriber *transcriber)
{
	return &transcriber->rules;
}

unsigned transcriber_view(const char *policy, bool compliance)
{
	unsigned view = 0;
	if (g_str_equal(policy, "im+events"))
		view |= RENDER_EVENTS;
	if (compliance)
		view |= RENDER_RETRACTED;
	return view;
}

bool transcriber_names_resolved(const struct transcriber *transcriber)
{
	return transcriber->names_resolved;
}

GTimeZone *transcriber_zone(const struct transcriber *transcriber)
{
	return transcriber->zone;
}

const char *transcriber_zone_name(const struct transcriber *transcriber)
{
	return transcriber->zone_name;
}

struct lookup {
	struct transcriber *transcriber;
	const struct conversation *conversation;
	GHashTable *nicks; /* address -> the nickname that was used with it; borrowed */
};

static void look_up(void *data, const char *address, char **name, char **mail)
{
	const struct lookup *lookup = data;
	const char *nick = g_hash_table_lookup(lookup->nicks, address);
	autoptr(mailbox) mailbox = NULL;
	if (lookup->conversation->is_room && g_str_has_suffix(lookup->conversation->key, address))
		*name = g_strdup(lookup->conversation->title);
	else
		*name = g_strdup(nick);
	if (lookup->transcriber->map == NULL)
		return;
	if (usermap_lookup(lookup->transcriber->map, address, &mailbox, NULL))
		*mail = g_strdup(mailbox->smtp);
	else
		*mail = usermap_to_mail(lookup->transcriber->map, address, NULL);
}

/* The messages alone, with what the store knows of them taken off. */
static GPtrArray *take_messages(GPtrArray *stored)
{
	GPtrArray *messages = g_ptr_array_new_with_free_func((GDestroyNotify)message_free);
	for (guint i = 0; i < stored->len; i++) {
		struct stored_message *one = stored->pdata[i];
		g_ptr_array_add(messages, g_steal_pointer(&one->message));
	}
	return messages;
}

static GHashTable *collect_nicks(const GPtrArray *messages)
{
	GHashTable *nicks = g_hash_table_new(g_str_hash, g_str_equal);
	for (guint i = 0; i < messages->len; i++) {
		const struct message *message = messages->pdata[i];
		if (message->sender != NULL && message->sender_nick != NULL)
			g_hash_table_insert(nicks, message->sender, message->sender_nick);
	}
	return nicks;
}

static bool is_damaged(const struct segment *segment, const char *lost, bool there, GError **error)
{
	if (there)
		return false;
	error_set(error, ERROR_CONFIG, "store.damaged",
	        "segment %s has lost its %s: restore the store from a backup", segment->id, lost);
	return true;
}

static bool is_foreign(const struct transcriber *transcriber, const char *address)
{
	return address != NULL && route_is_foreign(transcriber->config, address);
}

static bool read_gaps(struct transcriber *transcriber, struct store *store, GError **error)
{
	if (transcriber->gaps == NULL)
		transcriber->gaps = store_gaps(store, NULL, GAPS_MAX, error);
	return transcriber->gaps != NULL;
}

/* Whose archive the gap is in: somebody's who takes part, or the room's. */
static bool concerns(const struct gap *gap, const GPtrArray *messages)
{
	for (guint i = 0; i < messages->len; i++) {
		const struct message *message = messages->pdata[i];
		if (g_strcmp0(gap->owner, message->peer) == 0 ||
		        (!message->is_room && g_strcmp0(gap->owner, message->owner) == 0))
			return true;
	}
	return false;
}

/* Of which talk a row was that cannot be read is not known: its owner and its time are. */
static unsigned count_unreadable(const struct transcriber *transcriber,
        const struct segment *segment, const GPtrArray *messages)
{
	unsigned n = 0;
	int64_t margin_us = transcriber->rules.idle_gap_us;
	for (guint i = 0; i < transcriber->gaps->len; i++) {
		const struct gap *gap = transcriber->gaps->pdata[i];
		n += gap->filled_utc_us == 0 && gap->owner != NULL &&
		     gap->sent_utc_us >= segment->first_utc_us - margin_us &&
		     gap->sent_utc_us <= segment->last_utc_us + margin_us &&
		     concerns(gap, messages);
	}
	return n;
}

/* The disclaimer, where anybody from outside takes part. */
static const char *find_notice(const struct transcriber *transcriber, const GPtrArray *messages)
{
	const char *text = config_string(transcriber->config, "archive", NULL, "disclaimer");
	for (guint i = 0; text != NULL && i < messages->len; i++) {
		const struct message *message = messages->pdata[i];
		if (is_foreign(transcriber, message->peer) ||
		        is_foreign(transcriber, message->owner) ||
		        is_foreign(transcriber, message->sender))
			return text;
	}
	return NULL;
}

/* When the first segment of the talk began. */
static bool find_root(
        struct store *store, const struct segment *segment, int64_t *utc_us, GError **error)
{
	autoptr(segment) root = NULL;
	*utc_us = segment->first_utc_us;
	if (g_str_equal(segment->root_id, segment->id))
		return true;
	if (!store_segment_get(store, segment->conversation_id, segment->root_id, &root, error))
		return false;
	if (root != NULL)
		*utc_us = root->first_utc_us;
	return true;
}

static struct transcript *make(struct transcriber *transcriber,
        const struct conversation *conversation, const struct segment *segment, int64_t root_utc_us,
        const GPtrArray *messages, GHashTable *files, enum presence_part part)
{
	g_autoptr(GHashTable) nicks = collect_nicks(messages);
	struct lookup lookup = {transcriber, conversation, nicks};
	const struct transcript_input input = {
	        .id = segment->id,
	        .root_id = segment->root_id,
	        .root_utc_us = root_utc_us,
	        .continues = segment->continues,
	        .late = segment->late && segment->continues != NULL,
	        .part = part,
	        .notice = find_notice(transcriber, messages),
	        .name_resolved = transcriber_names_resolved(transcriber),
	        .files = files,
	        .files_max_bytes = transcriber->files_max_bytes,
	        .unreadable = count_unreadable(transcriber, segment, messages),
	        .messages = messages,
	        .lookup = look_up,
	        .lookup_data = &lookup,
	};
	return transcript_new(&input);
}

struct transcript *transcribe_part(struct transcriber *transcriber, struct store *store,
        const struct segment *segment, const GPtrArray *messages, enum presence_part part,
        GError **error)
{
	autoptr(conversation) conversation = NULL;
	int64_t root_utc_us = 0;
	if (!read_gaps(transcriber, store, error) ||
	        !find_root(store, segment, &root_utc_us, error) ||
	        !store_conversation_by_id(store, segment->conversation_id, &conversation, error) ||
	        is_damaged(segment, "conversation", conversation != NULL, error) ||
	        is_damaged(segment, "messages", messages->len > 0, error))
		return NULL;
	g_autoptr(GHashTable) files = attach_files(store, messages, error);
	return files != NULL ? make(transcriber, conversation, segment, root_utc_us, messages,
	                               files, part)
	                     : NULL;
}

static int compare_messages(gconstpointer a, gconstpointer b)
{
	const struct message *const *left = a;
	const struct message *const *right = b;
	return message_compare_time(*left, *right);
}

GPtrArray *transcribe_messages(struct store *store, const struct segment *segment, GError **error)
{
	g_autoptr(GPtrArray) stored =
	        store_segment_messages(store, segment->conversation_id, segment->id, error);
	if (stored == NULL)
		return NULL;
	GPtrArray *messages = take_messages(stored);
	g_ptr_array_sort(messages, compare_messages);
	return messages;
}

struct transcript *transcribe(struct transcriber *transcriber, struct store *store,
        const struct segment *segment, const GPtrArray *messages, GError **error)
{
	return transcribe_part(transcriber, store, segment, messages, PRESENCE_ALL, error);
}

#define VIEW_BITS 8

int64_t transcriber_shown(unsigned view, int64_t part)
{
	return (part << VIEW_BITS) | view;
}

GBytes *transcribe_bytes(
        struct transcriber *transcriber, const struct transcript *transcript, int64_t shown)
{
	const struct mime_options options = {
	        .render = {.view = (unsigned)(shown & ((1 << VIEW_BITS) - 1)),
	                .zone = transcriber->zone,
	                .zone_name = transcriber->zone_name},
	        .domain = transcriber->domain,
	        .copy = shown,
	};
	return mime_render(transcript, &options);
}

static struct rendering *render(
        struct transcriber *transcriber, const struct transcript *transcript, int64_t shown)
{
	struct rendering *rendering = g_new0(struct rendering, 1);
	rendering->mime = transcribe_bytes(transcriber, transcript, shown);
	rendering->hash = mime_hash(rendering->mime);
	rendering->renderer = RENDER_VERSION;
	rendering->time_zone = g_strdup(transcriber->zone_name);
	rendering->subject = g_strdup(transcript->subject);
	return rendering;
}

static bool keep(struct transcriber *transcriber, struct store *store,
        const struct segment *segment, const struct transcript *transcript, int64_t shown,
        char **hash, GError **error)
{
	autoptr(rendering) fresh = render(transcriber, transcript, shown);
	/* Another process may have been faster: what it kept counts. */
	return store_rendering_put(store, segment->conversation_id, segment->id, shown, fresh,
	               clock_utc_us(), error) &&
	       store_rendering_hash(
	               store, segment->conversation_id, segment->id, shown, hash, error);
}

bool transcribe_keep(struct transcriber *transcriber, struct store *store,
        const struct segment *segment, const struct transcript *transcript, int64_t shown,
        char **hash, GError **error)
{
	if (!store_rendering_hash(store, segment->conversation_id, segment->id, shown, hash, error))
		return false;
	return *hash != NULL || keep(transcriber, store, segment, transcript, shown, hash, error);
}
