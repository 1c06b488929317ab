/*
 * XEP-0227 "Portable Import/Export Format": the rosters of server-data/host/user. What the format
 * has no place for stands in elements of a namespace of our own inside <user/>: the list's stamp,
 * telephone numbers, and contacts that are a telephone number only.
 */
#include "core/address.h"
#include "core/clock.h"
#include "core/error.h"
#include "im/listfile_private.h"
#include "wire/xml_read.h"
#include "wire/xml_write.h"

#include <string.h>

#define NS_PIE "urn:xmpp:pie:0"
#define NS_ROSTER "jabber:iq:roster"
#define NS_PRIVACY "jabber:iq:privacy"
#define NS_BLOCKING "urn:xmpp:blocking"
#define NS_OWN "urn:imex:contacts:1"
/* Archives stand between the rosters, and their messages may be long. */
#define MAX_TEXT ((size_t)64 << 20)

struct reading {
	GPtrArray *lists;
	const struct listfile_sink *sink;
	char *host;
	struct listfile *list; /* of the <user/> that is open; owned by lists */
	GHashTable *keys, *by_key; /* of the list; key -> struct contact */
	struct contact *contact; /* of the <item/> that is open */
	bool roster; /* inside the <query/> of a roster */
	unsigned depth, user_depth, roster_depth;
	unsigned privacy_rules; /* of the list: who may reach or see the owner */
};

static bool is(const char *ns, const char *local, const char *wanted_ns, const char *wanted)
{
	return g_str_equal(ns, wanted_ns) && g_str_equal(local, wanted);
}

static void start_user(struct reading *reading, const struct xml_attrs *attrs)
{
	const char *name = xml_attr_value(attrs, "name");
	g_autoptr(GError) error = NULL;
	g_autofree char *joined = g_strdup_printf(
	        "%s@%s", name != NULL ? name : "", reading->host != NULL ? reading->host : "");
	g_autofree char *owner = address_canonical(joined, &error);
	if (owner == NULL) {
		listfile_odd(reading->sink, joined, "%s", error->message);
		return;
	}
	reading->list = listfile_new(owner);
	reading->privacy_rules = 0;
	reading->user_depth = reading->depth;
	g_ptr_array_add(reading->lists, reading->list);
	g_hash_table_remove_all(reading->keys);
	g_hash_table_remove_all(reading->by_key);
}

static void start_item(struct reading *reading, const struct xml_attrs *attrs, const char *jid)
{
	g_autofree char *what = g_strdup_printf(
	        "contact %s of %s", jid != NULL ? jid : "without an address", reading->list->owner);
	const char *subscription = xml_attr_value(attrs, "subscription");
	if (g_strcmp0(subscription, "remove") == 0)
		return;
	struct contact *contact = listfile_contact(reading->sink, what, jid != NULL ? jid : "");
	if (contact == NULL)
		return;
	const char *name = xml_attr_value(attrs, "name");
	if (name != NULL && name[0] != '\0')
		contact->name = g_strdup(name);
	if (address_is_tel(contact->key))
		contact->tel_uri = g_strdup(contact->key);
	reading->contact = contact;
}

/* <list mode="" generation="" taken=""/> and <telephone jid="" uri=""/> */
static void start_own(struct reading *reading, const char *local, const struct xml_attrs *attrs)
{
	const char *generation = xml_attr_value(attrs, "generation");
	const char *taken = xml_attr_value(attrs, "taken"), *jid = xml_attr_value(attrs, "jid");
	guint64 number = 0;
	if (g_str_equal(local, "list")) {
		if (generation != NULL &&
		        g_ascii_string_to_unsigned(generation, 10, 0, G_MAXINT64, &number, NULL))
			listfile_stamp(
			        reading->list, xml_attr_value(attrs, "mode"), (int64_t)number);
		if (taken != NULL)
			(void)clock_parse_iso(taken, &reading->list->taken_utc_us, NULL);
	} else if (g_str_equal(local, "contact")) {
		start_item(reading, attrs, xml_attr_value(attrs, "uri"));
	} else if (g_str_equal(local, "telephone") && jid != NULL) {
		struct contact *contact = g_hash_table_lookup(reading->by_key, jid);
		const char *uri = xml_attr_value(attrs, "uri");
		g_autofree char *tel = uri != NULL ? address_canonical(uri, NULL) : NULL;
		if (contact != NULL && contact->tel_uri == NULL && tel != NULL &&
		        address_is_tel(tel))
			contact->tel_uri = g_steal_pointer(&tel);
		else
			listfile_odd(reading->sink, jid, "its telephone number is not usable");
	}
}

static bool start(void *data, const char *ns, const char *local, const struct xml_attrs *attrs,
        GError **error)
{
	struct reading *reading = data;
	reading->depth++;
	if (reading->depth == 1 && !g_str_equal(ns, NS_PIE)) {
		error_set(error, ERROR_CONFIG, "listfile.format",
		        "the root element is %s of namespace \"%s\", not of " NS_PIE, local, ns);
		return false;
	}
	if (is(ns, local, NS_PIE, "host") && reading->depth <= 2) {
		g_free(reading->host);
		reading->host = xml_attr_dup(attrs, "jid");
	} else if (is(ns, local, NS_PIE, "user") && reading->list == NULL) {
		start_user(reading, attrs);
	} else if (reading->list == NULL) {
		return true;
	} else if (is(ns, local, NS_ROSTER, "query") && reading->depth == reading->user_depth + 1) {
		reading->roster = true;
		reading->roster_depth = reading->depth;
	} else if (reading->roster && is(ns, local, NS_ROSTER, "item") &&
	           reading->depth == reading->roster_depth + 1) {
		start_item(reading, attrs, xml_attr_value(attrs, "jid"));
	} else if (is(ns, local, NS_PRIVACY, "item") || is(ns, local, NS_BLOCKING, "item")) {
		reading->privacy_rules++;
	} else if (g_str_equal(ns, NS_OWN) && reading->depth == reading->user_depth + 1) {
		start_own(reading, local, attrs);
	}
	return true;
}

static void end_item(struct reading *reading)
{
	guint before = reading->list->contacts->len;
	struct contact *contact = g_steal_pointer(&reading->contact);
	listfile_take(reading->list, reading->keys, contact, reading->sink);
	if (reading->list->contacts->len > before)
		g_hash_table_insert(reading->by_key, contact->key, contact);
}

static void end_user(struct reading *reading)
{
	if (reading->privacy_rules > 0)
		listfile_odd(reading->sink, reading->list->owner,
		        "%u blocked addresses and privacy rules are not moved",
		        reading->privacy_rules);
	reading->list = NULL;
}

static bool end(
        void *data, const char *ns, const char *local, const char *text, size_t len, GError **error)
{
	struct reading *reading = data;
	(void)error;
	(void)len;
	bool own = g_str_equal(ns, NS_OWN);
	if (reading->contact != NULL && g_str_equal(local, "group") && text != NULL)
		contact_add_group(reading->contact, text);
	else if (reading->contact != NULL &&
	         (is(ns, local, NS_ROSTER, "item") || (own && g_str_equal(local, "contact"))))
		end_item(reading);
	if (reading->roster && reading->depth == reading->roster_depth)
		reading->roster = false;
	if (reading->list != NULL && reading->depth == reading->user_depth)
		end_user(reading);
	reading->depth--;
	return true;
}

bool listfile_xep0227_read(GPtrArray *lists, const char *bytes, size_t len,
        const struct listfile_sink *sink, GError **error)
{
	static const struct xml_handler handler = {.start = start, .end = end};
	static const struct xml_limits limits = {
	        .max_bytes = LISTFILE_MAX_BYTES, .max_text_bytes = MAX_TEXT};
	g_autoptr(GError) cause = NULL;
	struct reading reading = {.lists = lists, .sink = sink};
	reading.keys = g_hash_table_new(g_str_hash, g_str_equal);
	reading.by_key = g_hash_table_new(g_str_hash, g_str_equal);
	bool good = xml_read_all(bytes, len, &handler, &reading, &limits, &cause);
	if (reading.contact != NULL)
		contact_free(reading.contact);
	g_hash_table_unref(reading.keys);
	g_hash_table_unref(reading.by_key);
	g_free(reading.host);
	if (!good)
		error_set(error, ERROR_CONFIG, "listfile.format",
		        "this is no contact list by XEP-0227: %s", cause->message);
	return good;
}

static void write_groups(struct xml_writer *w, const struct contact *contact)
{
	for (guint i = 0; i < contact->groups->len; i++)
		xml_text_element(w, "group", g_ptr_array_index(contact->groups, i));
}

static void write_item(struct xml_writer *w, const struct contact *contact)
{
	xml_start(w, "item");
	xml_attr(w, "jid", contact->key);
	xml_attr(w, "name", contact->name);
	/* Who may see whom is the IM server's own business; it has the last word on import. */
	xml_attr(w, "subscription", "none");
	write_groups(w, contact);
	xml_end(w);
}

/* What the format has no place for. */
static void write_own(struct xml_writer *w, const struct contact *contact)
{
	if (!address_is_tel(contact->key)) {
		if (contact->tel_uri != NULL)
			xml_empty_element(w, "telephone", "xmlns", NS_OWN, "jid", contact->key,
			        "uri", contact->tel_uri, NULL);
		return;
	}
	xml_start(w, "contact");
	xml_attr(w, "xmlns", NS_OWN);
	xml_attr(w, "uri", contact->key);
	xml_attr(w, "name", contact->name);
	write_groups(w, contact);
	xml_end(w);
}

static void write_stamp(struct xml_writer *w, const struct listfile *list)
{
	g_autofree char *taken =
	        list->taken_utc_us != 0 ? clock_format_iso(list->taken_utc_us) : NULL;
	g_autofree char *generation = g_strdup_printf("%" G_GINT64_FORMAT, list->generation);
	xml_start(w, "list");
	xml_attr(w, "xmlns", NS_OWN);
	if (list->stamped) {
		xml_attr(w, "mode", listfile_mode(list));
		xml_attr(w, "generation", generation);
	}
	xml_attr(w, "taken", taken);
	xml_end(w);
}

static void write_user(
        struct xml_writer *w, const struct listfile *list, const struct listfile_sink *sink)
{
	g_autofree char *name = address_local_part(list->owner);
	xml_start(w, "user");
	xml_attr(w, "name", name);
	xml_start(w, "query");
	xml_attr(w, "xmlns", NS_ROSTER);
	for (guint i = 0; i < list->contacts->len; i++) {
		const struct contact *contact = g_ptr_array_index(list->contacts, i);
		uint64_t before = xml_writer_replaced(w);
		if (!address_is_tel(contact->key))
			write_item(w, contact);
		if (xml_writer_replaced(w) > before)
			listfile_odd(sink, contact->key,
			        "it holds characters that XML cannot carry; they were replaced");
	}
	xml_end(w);
	write_stamp(w, list);
	for (guint i = 0; i < list->contacts->len; i++)
		write_own(w, g_ptr_array_index(list->contacts, i));
	xml_end(w);
}

/* Users of one host stand together; lists come sorted by owner's domain or not at all. */
char *listfile_xep0227_write(
        const GPtrArray *lists, const struct listfile_sink *sink, GError **error)
{
	autoptr(xml_writer) w = xml_writer_new(LISTFILE_MAX_BYTES);
	const char *host = NULL, *bytes = NULL;
	size_t len = 0;
	xml_start(w, "server-data");
	xml_attr(w, "xmlns", NS_PIE);
	for (guint i = 0; i < lists->len; i++) {
		const struct listfile *list = g_ptr_array_index(lists, i);
		const char *domain = address_domain(list->owner);
		if (g_strcmp0(host, domain) != 0) {
			if (host != NULL)
				xml_end(w);
			host = domain;
			xml_start(w, "host");
			xml_attr(w, "jid", host);
		}
		write_user(w, list, sink);
	}
	return xml_writer_finish(w, &bytes, &len, error) ? g_strndup(bytes, len) : NULL;
}
