#include "archive/export_private.h"

#include "archive/mime.h"
#include "archive/segment.h"
#include "archive/text.h"
#include "core/clock.h"

#include <jansson.h>
#include <string.h>

/* A message that was read back is taken apart for its line only up to this size. */
#define PARSE_MAX_BYTES (64 * 1024 * 1024)

static char *eml_path(const struct export_item *item)
{
	return g_strdup_printf("messages/%s.eml", item->id);
}

static char *maildir_path(const struct export_item *item)
{
	/* "S" is seen; the time keeps a listing in order (maildir(5)). */
	return g_strdup_printf("maildir/cur/%" G_GINT64_FORMAT ".%s.imex:2,S",
	        item->first_utc_us / CLOCK_US_PER_S, item->id);
}

static char *html_path(const struct export_item *item)
{
	return g_strdup_printf("conversations/%s.html", item->id);
}

static void mime_bytes(const struct export_item *item, GString *out)
{
	g_string_append_len(
	        out, g_bytes_get_data(item->mime, NULL), (gssize)g_bytes_get_size(item->mime));
}

static void html_bytes(const struct export_item *item, GString *out)
{
	g_string_append(out, item->html);
}

/* Whether a line looks like the beginning of a message, quoted or not (mboxrd). */
static bool is_from_line(const char *line, size_t len)
{
	size_t quotes = 0;
	while (quotes < len && line[quotes] == '>')
		quotes++;
	return len - quotes >= 5 && memcmp(line + quotes, "From ", 5) == 0;
}

static void add_from_line(const struct export_item *item, GString *out)
{
	static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
	static const char *const months[] = {
	        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	g_autoptr(GDateTime) time =
	        g_date_time_new_from_unix_utc(item->first_utc_us / CLOCK_US_PER_S);
	g_autoptr(GDateTime) epoch = g_date_time_new_from_unix_utc(0);
	GDateTime *use = time != NULL ? time : epoch;
	g_string_append_printf(out, "From imex %s %s %2d %02d:%02d:%02d %d\n",
	        days[g_date_time_get_day_of_week(use) - 1], months[g_date_time_get_month(use) - 1],
	        g_date_time_get_day_of_month(use), g_date_time_get_hour(use),
	        g_date_time_get_minute(use), g_date_time_get_second(use),
	        g_date_time_get_year(use));
}

static void mbox_bytes(const struct export_item *item, GString *out)
{
	gsize left = 0;
	const char *line = g_bytes_get_data(item->mime, &left);
	add_from_line(item, out);
	while (left > 0) {
		const char *end = memchr(line, '\n', left);
		size_t whole = end != NULL ? (size_t)(end - line) + 1 : left;
		size_t len = whole - (end != NULL);
		if (len > 0 && line[len - 1] == '\r')
			len--;
		if (is_from_line(line, len))
			g_string_append_c(out, '>');
		g_string_append_len(out, line, (gssize)len);
		g_string_append_c(out, '\n');
		line += whole;
		left -= whole;
	}
	g_string_append_c(out, '\n');
}

static void set_text(json_t *object, const char *name, const char *text)
{
	if (text == NULL)
		return;
	g_autofree char *valid = text_mend(text, strlen(text), NULL);
	json_object_set_new(object, name, json_string(valid));
}

static void set_time(json_t *object, const char *name, int64_t utc_us)
{
	g_autofree char *iso = clock_format_iso(utc_us);
	json_object_set_new(object, name, json_string(iso));
}

static void add_object(GString *out, json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);
	if (text != NULL)
		g_string_append(out, text);
	g_string_append_c(out, '\n');
	free(text);
	json_decref(object);
}

static json_t *event_object(const struct export_item *item, const struct message *message)
{
	json_t *object = json_object();
	g_autofree char *conversation = conversation_key(message);
	set_text(object, "segment", item->id);
	set_text(object, "conversation", conversation);
	set_text(object, "kind", message_kind_name(message->kind));
	set_time(object, "sent", message->sent_utc_us);
	set_text(object, "sender",
	        item->name_resolved || !message->sender_resolved ? message->sender : NULL);
	set_text(object, "nick", message->sender_nick);
	set_text(object, "text", message->text);
	set_text(object, "url", message->url);
	set_text(object, "file_name", message->file_name);
	set_text(object, "file_hash", message->file_hash);
	if (message->file_size_bytes > 0)
		json_object_set_new(object, "file_size", json_integer(message->file_size_bytes));
	set_text(object, "id", message->message_id);
	set_text(object, "refers_to", message->refers_to);
	set_text(object, "thread", message->thread);
	set_text(object, "source", message->source);
	set_text(object, "source_key", message->source_key);
	if (message->claimed_utc_us != 0)
		set_time(object, "claimed", message->claimed_utc_us);
	if (message->conflict)
		json_object_set_new(object, "conflict", json_true());
	return object;
}

/* A message that was read back is one event of its own kind. */
static json_t *item_object(const struct export_item *item)
{
	json_t *object = json_object();
	autoptr(mime_parts) parts = mime_parse(item->mime, PARSE_MAX_BYTES, NULL);
	set_text(object, "item", item->id);
	set_text(object, "kind", "item");
	set_time(object, "sent", item->first_utc_us);
	set_text(object, "subject", item->subject);
	if (parts != NULL) {
		set_text(object, "segment", parts->segment_id);
		set_text(object, "message_id", parts->message_id);
		set_text(object, "from", parts->from);
		set_text(object, "to", parts->to);
		set_text(object, "text", parts->text);
	}
	return object;
}

static void jsonl_bytes(const struct export_item *item, GString *out)
{
	if (item->events == NULL) {
		add_object(out, item_object(item));
		return;
	}
	for (guint i = 0; i < item->events->len; i++)
		add_object(out, event_object(item, item->events->pdata[i]));
}

static const struct export_driver drivers[] = {
        [EXPORT_EML] = {"eml", {"messages"}, NULL, "messages", eml_path, mime_bytes, false, NULL},
        [EXPORT_MBOX] = {"mbox", {NULL}, "messages.mbox", "messages.mbox", NULL, mbox_bytes, false,
                NULL},
        [EXPORT_MAILDIR] = {"maildir", {"maildir/cur", "maildir/new", "maildir/tmp"}, NULL,
                "maildir", maildir_path, mime_bytes, false, NULL},
        [EXPORT_JSONL] = {"jsonl", {NULL}, "messages.jsonl", "messages.jsonl", NULL, jsonl_bytes,
                false, NULL},
        [EXPORT_HTML] = {"html", {"conversations"}, NULL, "index.html", html_path, html_bytes, true,
                EXPORT_FILES},
};

const struct export_driver *export_driver_of(enum export_format format)
{
	return &drivers[format];
}

const char *export_format_name(enum export_format format)
{
	return drivers[format].name;
}

bool export_format_parse(const char *name, enum export_format *format)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(drivers); i++) {
		if (g_str_equal(name, drivers[i].name)) {
			*format = (enum export_format)i;
			return true;
		}
	}
	return false;
}
