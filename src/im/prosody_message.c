/*
 * Messages of Prosody: rows of prosodyarchive. store='archive' is mod_mam, one row per owner;
 * store='muc_log' is mod_muc_mam, one row per message of a room, and with muc_log_presences per
 * join and leave. store='offline' repeats what 'archive' has and is not read.
 *
 * A cursor is "p1:POSITION:FLOOR:ANCHOR": sort_id up to which rows were read, sort_id that a
 * reading began at, and a digest of the key of the row at POSITION ("-": none was there).
 */
#include "core/address.h"
#include "core/clock.h"
#include "core/digest.h"
#include "im/prosody_private.h"
#include "im/stanza.h"

#include <string.h>

/*
 * PostgreSQL gives out sort_id before the row is committed. Prosody writes through one connection,
 * but nothing keeps a second program from adding rows, so that the last few are read again.
 */
#define OVERLAP 64
#define ANCHOR_HEX 16
#define CURSOR_FORMAT "p1:%" G_GINT64_FORMAT ":%" G_GINT64_FORMAT ":%s"

/* The rows of a page are held, so that Prosody never waits for what is done with them. */
#define PAGE_MAX_BYTES (16u * 1024 * 1024)

/* A delay is believed within these bounds; clients may write one, too. */
#define DELAY_MAX_US (30 * CLOCK_US_PER_DAY)
#define DELAY_SKEW_US (60 * CLOCK_US_PER_S)

struct position {
	int64_t position, floor;
	char anchor[ANCHOR_HEX + 1];
};

static bool cursor_parse(const char *text, struct position *out, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(text, ":", 5);
	guint64 position = 0, floor = 0;
	if (g_strv_length(parts) == 4 && g_str_equal(parts[0], "p1") &&
	        g_ascii_string_to_unsigned(parts[1], 10, 0, G_MAXINT64, &position, NULL) &&
	        g_ascii_string_to_unsigned(parts[2], 10, 0, position, &floor, NULL) &&
	        strlen(parts[3]) <= ANCHOR_HEX) {
		out->position = (int64_t)position;
		out->floor = (int64_t)floor;
		g_strlcpy(out->anchor, parts[3], sizeof(out->anchor));
		return true;
	}
	error_set(error, ERROR_CONFIG, "source.cursor",
	        "The cursor \"%s\" was not made by a Prosody source: another kind of source had "
	        "this "
	        "name; give the new one another name",
	        text);
	return false;
}

static char *cursor_print(const struct position *position)
{
	return g_strdup_printf(
	        CURSOR_FORMAT, position->position, position->floor, position->anchor);
}

static void digest_key(const struct db_result *result, char *anchor)
{
	struct digest *sum = digest_begin();
	for (int column = 0; column < 4; column++)
		digest_add_text(sum, db_column_text(result, column));
	g_autofree char *hex = digest_end(sum);
	g_strlcpy(anchor, hex, ANCHOR_HEX + 1);
}

/* The anchor of the row with that sort_id; "-" when there is none. */
static bool read_anchor(struct db *db, int64_t sort_id, char *anchor, GError **error)
{
	g_strlcpy(anchor, "-", ANCHOR_HEX + 1);
	autoptr(db_result) result = db_query(db,
	        "SELECT a.host, a.\"user\", a.store, a.key FROM prosodyarchive a "
	        "WHERE a.sort_id = $1",
	        DB_VALUES(db_int(sort_id)), error);
	if (result == NULL)
		return false;
	int more = db_next(result, error);
	if (more > 0)
		digest_key(result, anchor);
	return more >= 0;
}

static bool read_head(struct db *db, int64_t *head, GError **error)
{
	*head = 0;
	return db_get_int64(
	        db, "SELECT max(a.sort_id) FROM prosodyarchive a", DB_NO_VALUES, head, NULL, error);
}

/*
 * The highest sort_id ever given, which outlives the deletion of old rows. *known is false when
 * this database user may not see it.
 */
static bool read_counter(struct prosody *prosody, int64_t *counter, bool *known, GError **error)
{
	*known = false;
	if (db_kind(prosody->db) == DB_POSTGRESQL)
		return db_get_int64(prosody->db,
		        "SELECT s.last_value FROM pg_sequences s "
		        "WHERE format('%I.%I', s.schemaname, s.sequencename) = "
		        "pg_get_serial_sequence('prosodyarchive', 'sort_id')",
		        DB_NO_VALUES, counter, known, error);
	return !prosody->counted ||
	       db_get_int64(prosody->db,
	               "SELECT s.seq FROM sqlite_sequence s WHERE s.name = 'prosodyarchive'",
	               DB_NO_VALUES, counter, known, error);
}

static bool went_back(const struct prosody *prosody, const char *how, GError **error)
{
	error_set(error, ERROR_CONFIG, "source.went_back",
	        "Source %s is older than what was read from it (%s): was a backup restored, or "
	        "does "
	        "the url name another database? Nothing is read until the archive is read anew",
	        prosody->base.name, how);
	return false;
}

static bool check_position(struct prosody *prosody, const struct position *position, GError **error)
{
	char anchor[ANCHOR_HEX + 1];
	int64_t counter = 0;
	bool known;
	if (position->position == 0)
		return true;
	if (!read_anchor(prosody->db, position->position, anchor, error) ||
	        !read_counter(prosody, &counter, &known, error))
		return false;
	bool there = !g_str_equal(anchor, "-");
	if (there && !g_str_equal(position->anchor, "-") && !g_str_equal(position->anchor, anchor))
		return went_back(prosody, "another row stands where reading stopped", error);
	if (!there && known && counter < position->position)
		return went_back(prosody, "it does not reach as far", error);
	return true;
}

static char *cursor_at(struct prosody *prosody, int64_t sort_id, GError **error)
{
	struct position position = {.position = sort_id, .floor = sort_id};
	if (!read_anchor(prosody->db, sort_id, position.anchor, error))
		return NULL;
	return cursor_print(&position);
}

char *prosody_cursor_now(struct im_source *source, GError **error)
{
	struct prosody *prosody = prosody_of(source);
	int64_t head;
	return read_head(prosody->db, &head, error) ? cursor_at(prosody, head, error) : NULL;
}

char *prosody_cursor_since(struct im_source *source, int64_t since_utc_us, GError **error)
{
	struct prosody *prosody = prosody_of(source);
	int64_t first = 0;
	bool found;
	if (!db_get_int64(prosody->db,
	            "SELECT min(a.sort_id) FROM prosodyarchive a "
	            "WHERE a.\"when\" >= $1 AND a.store IN ('archive', 'muc_log')",
	            DB_VALUES(db_int(CLAMP(since_utc_us / CLOCK_US_PER_S, 0, G_MAXINT32))), &first,
	            &found, error))
		return NULL;
	return found ? cursor_at(prosody, MAX(first - 1, 0), error)
	             : prosody_cursor_now(source, error);
}

char *prosody_cursor_floor(const struct im_source *source, const char *cursor, GError **error)
{
	(void)source;
	struct position position;
	if (!cursor_parse(cursor, &position, error))
		return NULL;
	position.position = position.floor;
	g_strlcpy(position.anchor, "-", sizeof(position.anchor));
	return cursor_print(&position);
}

/* Columns of a row, in the order of the query below. */
enum { SORT_ID, HOST, USER, STORE, KEY, WHEN, WITH, TYPE, VALUE };

#define ROW_QUERY                                                                                  \
	"SELECT a.sort_id, a.host, a.\"user\", a.store, a.key, a.\"when\", a.\"with\", a.type, "   \
	"a.value FROM prosodyarchive a WHERE a.sort_id > $1 AND a.sort_id <= $2 AND "              \
	"a.store IN ('archive', 'muc_log') ORDER BY a.sort_id LIMIT $3"

static int64_t sent_time(const struct stanza *stanza, int64_t archived_utc_us)
{
	int64_t delay = stanza->delay_utc_us;
	if (delay > archived_utc_us - DELAY_MAX_US && delay < archived_utc_us + DELAY_SKEW_US)
		return delay;
	return archived_utc_us;
}

/* Who is who in a row of one owner's archive. */
static bool fill_pair(struct message *message, const struct stanza *stanza,
        const struct db_result *result, GError **error)
{
	message->owner = prosody_address(result, HOST, USER);
	message->peer = address_canonical(db_column_text(result, WITH), error);
	if (message->peer == NULL)
		return false;
	if (message->owner == NULL) {
		error_set(error, ERROR_ITEM, "address.invalid",
		        "The owner of an archive has no valid address; the row is left out");
		return false;
	}
	g_autofree char *from = stanza->from != NULL ? address_canonical(stanza->from, NULL) : NULL;
	bool own = from == NULL ? stanza->from == NULL : g_str_equal(from, message->owner);
	/* A private message through a room: only the nickname of the other one is known. */
	if (!own && stanza->in_room && stanza_resource(stanza->from) != NULL)
		message->sender_nick = g_strdup(stanza_resource(stanza->from));
	else
		message->sender = g_strdup(own ? message->owner : message->peer);
	return true;
}

static bool fill_room(struct prosody *prosody, struct message *message, const struct stanza *stanza,
        const struct db_result *result, GError **error)
{
	message->is_room = true;
	message->peer = prosody_address(result, HOST, USER);
	if (message->peer == NULL) {
		error_set(error, ERROR_ITEM, "address.invalid",
		        "A room has no valid address; the row is left out");
		return false;
	}
	message->sender_nick = g_strdup(stanza_resource(stanza->from));
	if (stanza->real_jid != NULL)
		message->sender = address_canonical(stanza->real_jid, NULL);
	else if (stanza->occupant_id != NULL &&
	         !prosody_occupant(prosody, db_column_text(result, USER),
	                 db_column_text(result, HOST), stanza->occupant_id, &message->sender,
	                 error))
		return false;
	message->sender_resolved = message->sender != NULL && stanza->real_jid == NULL;
	return true;
}

static bool fill(struct prosody *prosody, struct message *message, const struct stanza *stanza,
        const struct db_result *result, GError **error)
{
	int64_t when;
	if (!db_column_int64_checked(result, WHEN, &when, error))
		return false;
	bool room = g_str_equal(db_column_text(result, STORE), "muc_log");
	if (room ? !fill_room(prosody, message, stanza, result, error)
	         : !fill_pair(message, stanza, result, error))
		return false;
	message->source = g_strdup(prosody->base.name);
	message->source_key = db_column_dup(result, KEY);
	message->sent_utc_us = sent_time(stanza, when * CLOCK_US_PER_S);
	message->order = db_column_int64(result, SORT_ID);
	message->correlation = stanza_correlation(stanza, message);
	return true;
}

/* *out stays NULL for a row that no archive wants. */
static bool read_message(struct prosody *prosody, const struct db_result *result,
        struct message **out, GError **error)
{
	const char *type = db_column_text(result, TYPE);
	const char *value = db_column_text(result, VALUE);
	enum message_kind kind;

	*out = NULL;
	if (!g_str_equal(type, "xml")) {
		error_set(error, ERROR_ITEM, "row.type",
		        "An archived row is of type \"%s\" instead of \"xml\"; it is left out",
		        type);
		return false;
	}
	autoptr(stanza) stanza = stanza_parse(value, strlen(value), error);
	if (stanza == NULL)
		return false;
	bool room = g_str_equal(db_column_text(result, STORE), "muc_log");
	/* What an owner heard in a room stands in the room's own archive. */
	bool heard = !room && g_strcmp0(stanza->type, "groupchat") == 0;
	if (heard || !stanza_kind(stanza, &kind))
		return true;
	autoptr(message) message = stanza_message(stanza, kind);
	if (!fill(prosody, message, stanza, result, error))
		return false;
	*out = g_steal_pointer(&message);
	return true;
}

/* A row as it is told: a message, or why there is none. */
struct event {
	struct message *message; /* or NULL */
	GError *cause;
	char *owner, *key;
	int64_t when_utc_us;
};

static void event_free(gpointer data)
{
	struct event *event = data;
	if (event->message != NULL)
		message_free(event->message);
	g_clear_error(&event->cause);
	g_free(event->owner);
	g_free(event->key);
	g_free(event);
}

struct paging {
	struct prosody *prosody;
	struct im_page *page;
	struct position position; /* grows */
	int64_t last; /* sort_id of the last row */
	GPtrArray *events; /* struct event */
	size_t bytes;
};

static void keep(struct paging *paging, const struct db_result *result, struct message *message,
        GError *cause)
{
	struct event *event = g_new0(struct event, 1);
	event->message = message;
	event->cause = cause;
	if (cause != NULL) {
		const char *key = db_column_text(result, KEY);
		event->owner = prosody_address(result, HOST, USER);
		event->key = g_utf8_validate(key, -1, NULL) ? g_strdup(key) : NULL;
		event->when_utc_us = db_column_int64(result, WHEN) * CLOCK_US_PER_S;
	}
	g_ptr_array_add(paging->events, event);
}

static bool read_row(struct paging *paging, const struct db_result *result, GError **error)
{
	GError *cause = NULL;
	struct message *message = NULL;
	struct im_page *page = paging->page;

	page->rows++;
	paging->bytes += strlen(db_column_text(result, VALUE));
	paging->last = db_column_int64(result, SORT_ID);
	page->newest_utc_us =
	        MAX(page->newest_utc_us, db_column_int64(result, WHEN) * CLOCK_US_PER_S);
	if (!read_message(paging->prosody, result, &message, &cause)) {
		/* One row is odd; a database that fails is no matter of the row. */
		if (error_class_of(cause) != ERROR_ITEM) {
			g_propagate_error(error, cause);
			return false;
		}
		keep(paging, result, NULL, cause);
	} else if (message == NULL) {
		page->left_out++;
	} else {
		keep(paging, result, message, NULL);
	}
	return true;
}

static bool read_rows(
        struct paging *paging, int64_t after, int64_t end, int64_t limit, GError **error)
{
	autoptr(db_result) result = db_query(paging->prosody->db, ROW_QUERY,
	        DB_VALUES(db_int(after), db_int(end), db_int(limit)), error);
	if (result == NULL)
		return false;
	int more;
	while ((more = db_next(result, error)) > 0) {
		if (!read_row(paging, result, error))
			return false;
		if (paging->bytes > PAGE_MAX_BYTES) {
			paging->page->more = true;
			return true;
		}
	}
	paging->page->more = paging->page->rows == (uint64_t)limit;
	return more == 0;
}

static void tell_odd(const struct im_message_sink *sink, const struct event *event)
{
	const struct im_odd odd = {.what = "message",
	        .owner = event->owner,
	        .key = event->key,
	        .reason = error_reason(event->cause),
	        .detail = event->cause->message,
	        .sent_utc_us = event->when_utc_us};
	if (sink->odd != NULL)
		sink->odd(sink->data, &odd);
}

static bool tell(const struct paging *paging, const struct im_message_sink *sink, GError **error)
{
	for (guint i = 0; i < paging->events->len; i++) {
		const struct event *event = g_ptr_array_index(paging->events, i);
		if (event->message == NULL)
			tell_odd(sink, event);
		else if (!sink->message(sink->data, event->message, error))
			return false;
	}
	return true;
}

/* Rows of other stores behind the last one are skipped for good. */
static bool finish_page(struct paging *paging, int64_t head, GError **error)
{
	struct position *position = &paging->position;
	int64_t reached = MAX(paging->last, position->position);
	if (!paging->page->more && head > reached)
		reached = head;
	if (!read_anchor(paging->prosody->db, reached, position->anchor, error))
		return false;
	position->position = reached;
	paging->page->cursor = cursor_print(position);
	g_free(paging->prosody->middle);
	paging->prosody->middle = paging->page->more ? g_strdup(paging->page->cursor) : NULL;
	return true;
}

static bool read_page(struct paging *paging, const char *cursor, const char *until, unsigned limit,
        GError **error)
{
	struct prosody *prosody = paging->prosody;
	struct position *position = &paging->position;
	struct position end = {.position = G_MAXINT64};
	int64_t head;

	if (!cursor_parse(cursor, position, error) ||
	        (until != NULL && !cursor_parse(until, &end, error)) ||
	        !check_position(prosody, position, error) || !read_head(prosody->db, &head, error))
		return false;
	bool middle = g_strcmp0(prosody->middle, cursor) == 0;
	int64_t overlap = middle ? 0 : OVERLAP;
	int64_t after = MAX(position->position - overlap, position->floor);
	return read_rows(paging, after, end.position, (int64_t)limit + overlap, error) &&
	       finish_page(paging, MIN(head, end.position), error);
}

bool prosody_messages(struct im_source *source, const char *cursor, const char *until,
        unsigned limit, const struct im_message_sink *sink, struct im_page *page, GError **error)
{
	struct paging paging = {.prosody = prosody_of(source),
	        .page = page,
	        .events = g_ptr_array_new_with_free_func(event_free)};
	bool good = read_page(&paging, cursor, until, limit, error) && tell(&paging, sink, error);
	g_ptr_array_unref(paging.events);
	return good;
}
