#include "im/stanza.h"

#include "core/clock.h"
#include "core/digest.h"
#include "core/error.h"
#include "wire/xml_read.h"

#include <string.h>

#define NS_CLIENT "jabber:client"
#define MAX_DEPTH 32u
#define CORRELATION_HEX 32

enum node {
	NODE_OTHER,
	NODE_ROOT,
	NODE_BODY,
	NODE_SUBJECT,
	NODE_THREAD,
	NODE_REPLACE,
	NODE_ORIGIN_ID,
	NODE_OCCUPANT_ID,
	NODE_DELAY,
	NODE_APPLY_TO,
	NODE_MODERATED,
	NODE_RETRACT,
	NODE_REACTIONS,
	NODE_REACTION,
	NODE_OOB,
	NODE_OOB_URL,
	NODE_OOB_DESC,
	NODE_MUC_USER,
	NODE_MUC_ITEM,
	NODE_ENCRYPTED,
	NODE_SHARING,
	NODE_FILE,
	NODE_FILE_NAME,
	NODE_FILE_SIZE,
	NODE_FILE_HASH,
	NODE_SOURCES,
	NODE_URL_DATA,
	NODE_SIMS_REFERENCE,
};

/* Which element means what, by what it stands in. Local name NULL: any. */
static const struct rule {
	enum node parent;
	const char *ns, *local;
	enum node node;
} rules[] = {
        {NODE_ROOT, NS_CLIENT, "body", NODE_BODY},
        {NODE_ROOT, NS_CLIENT, "subject", NODE_SUBJECT},
        {NODE_ROOT, NS_CLIENT, "thread", NODE_THREAD},
        {NODE_ROOT, "urn:xmpp:message-correct:0", "replace", NODE_REPLACE},
        {NODE_ROOT, "urn:xmpp:sid:0", "origin-id", NODE_ORIGIN_ID},
        {NODE_ROOT, "urn:xmpp:occupant-id:0", "occupant-id", NODE_OCCUPANT_ID},
        {NODE_ROOT, "urn:xmpp:delay", "delay", NODE_DELAY},
        {NODE_ROOT, "urn:xmpp:fasten:0", "apply-to", NODE_APPLY_TO},
        {NODE_APPLY_TO, "urn:xmpp:message-retract:0", "retract", NODE_RETRACT},
        {NODE_APPLY_TO, "urn:xmpp:message-moderate:0", "moderated", NODE_MODERATED},
        {NODE_MODERATED, "urn:xmpp:message-retract:0", "retract", NODE_RETRACT},
        {NODE_ROOT, "urn:xmpp:message-retract:1", "retract", NODE_RETRACT},
        {NODE_ROOT, "urn:xmpp:reactions:0", "reactions", NODE_REACTIONS},
        {NODE_REACTIONS, "urn:xmpp:reactions:0", "reaction", NODE_REACTION},
        {NODE_ROOT, "jabber:x:oob", "x", NODE_OOB},
        {NODE_OOB, "jabber:x:oob", "url", NODE_OOB_URL},
        {NODE_OOB, "jabber:x:oob", "desc", NODE_OOB_DESC},
        {NODE_ROOT, "http://jabber.org/protocol/muc#user", "x", NODE_MUC_USER},
        {NODE_MUC_USER, "http://jabber.org/protocol/muc#user", "item", NODE_MUC_ITEM},
        {NODE_ROOT, "eu.siacs.conversations.axolotl", "encrypted", NODE_ENCRYPTED},
        {NODE_ROOT, "urn:xmpp:omemo:1", "encrypted", NODE_ENCRYPTED},
        {NODE_ROOT, "urn:xmpp:omemo:2", "encrypted", NODE_ENCRYPTED},
        {NODE_ROOT, "jabber:x:encrypted", "x", NODE_ENCRYPTED},
        {NODE_ROOT, "urn:xmpp:openpgp:0", "openpgp", NODE_ENCRYPTED},
        {NODE_ROOT, "urn:xmpp:sfs:0", "file-sharing", NODE_SHARING},
        {NODE_SHARING, "urn:xmpp:file:metadata:0", "file", NODE_FILE},
        {NODE_FILE, "urn:xmpp:file:metadata:0", "name", NODE_FILE_NAME},
        {NODE_FILE, "urn:xmpp:file:metadata:0", "size", NODE_FILE_SIZE},
        {NODE_FILE, "urn:xmpp:hashes:2", "hash", NODE_FILE_HASH},
        {NODE_SHARING, "urn:xmpp:sfs:0", "sources", NODE_SOURCES},
        {NODE_SOURCES, "http://jabber.org/protocol/url-data", "url-data", NODE_URL_DATA},
        {NODE_ROOT, "urn:xmpp:reference:0", "reference", NODE_SIMS_REFERENCE},
        {NODE_SIMS_REFERENCE, "urn:xmpp:sims:1", "media-sharing", NODE_SHARING},
        {NODE_SHARING, "urn:xmpp:jingle:apps:file-transfer:5", "file", NODE_FILE},
        {NODE_FILE, "urn:xmpp:jingle:apps:file-transfer:5", "name", NODE_FILE_NAME},
        {NODE_FILE, "urn:xmpp:jingle:apps:file-transfer:5", "size", NODE_FILE_SIZE},
        {NODE_SHARING, "urn:xmpp:sims:1", "sources", NODE_SOURCES},
        {NODE_SOURCES, "urn:xmpp:reference:0", "reference", NODE_URL_DATA},
};

struct parser {
	struct stanza *stanza;
	enum node path[MAX_DEPTH];
	unsigned depth;
	unsigned links; /* file links so far */
	unsigned bodies;
	char *lang; /* of the body that is open */
	char *apply_to; /* id of the apply-to that is open */
	char *hash_algorithm; /* of the hash that is open */
	unsigned files;
	GString *body, *url_text, *reactions;
};

/* Servers keep stanzas with or without the namespace of the stream. */
static const char *stream_ns(const char *ns)
{
	return ns[0] == '\0' || g_str_equal(ns, "jabber:server") ? NS_CLIENT : ns;
}

static enum node find_node(enum node parent, const char *ns, const char *local)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(rules); i++)
		if (rules[i].parent == parent && g_str_equal(rules[i].local, local) &&
		        g_str_equal(rules[i].ns, stream_ns(ns)))
			return rules[i].node;
	return NODE_OTHER;
}

static void set_once(char **field, const char *value)
{
	if (*field == NULL && value != NULL)
		*field = g_strdup(value);
}

static bool start_root(struct parser *parser, const char *ns, const char *local,
        const struct xml_attrs *attrs, GError **error)
{
	struct stanza *stanza = parser->stanza;
	stanza->is_presence = g_str_equal(local, "presence");
	if (!g_str_equal(stream_ns(ns), NS_CLIENT) ||
	        (!stanza->is_presence && !g_str_equal(local, "message"))) {
		error_set(error, ERROR_ITEM, "stanza.unknown",
		        "A stanza is neither a message nor a presence; it is left out");
		return false;
	}
	stanza->type = xml_attr_dup(attrs, "type");
	stanza->from = xml_attr_dup(attrs, "from");
	stanza->to = xml_attr_dup(attrs, "to");
	stanza->id = xml_attr_dup(attrs, "id");
	return true;
}

static void start_delay(struct stanza *stanza, const struct xml_attrs *attrs)
{
	const char *stamp = xml_attr_value(attrs, "stamp");
	int64_t utc_us;
	/* The first delay is the one that was added first: when the message was sent. */
	if (stanza->delay_utc_us == 0 && stamp != NULL && clock_parse_iso(stamp, &utc_us, NULL))
		stanza->delay_utc_us = utc_us;
}

static void end_url(struct parser *parser, const char *text);

/* XEP-0447 calls it target, XEP-0385 uri. */
static void start_link(struct parser *parser, const struct xml_attrs *attrs)
{
	const char *url = xml_attr_value(attrs, "target");
	if (url == NULL)
		url = xml_attr_value(attrs, "uri");
	if (url != NULL && url[0] != '\0' && g_strcmp0(url, parser->stanza->url) != 0)
		end_url(parser, url);
}

static void start_node(struct parser *parser, enum node node, const struct xml_attrs *attrs)
{
	struct stanza *stanza = parser->stanza;
	const char *id = xml_attr_value(attrs, "id");

	if (node == NODE_REPLACE)
		set_once(&stanza->replace_id, id);
	else if (node == NODE_ORIGIN_ID)
		set_once(&stanza->origin_id, id);
	else if (node == NODE_OCCUPANT_ID)
		set_once(&stanza->occupant_id, id);
	else if (node == NODE_REACTIONS)
		set_once(&stanza->react_id, id);
	else if (node == NODE_DELAY)
		start_delay(stanza, attrs);
	else if (node == NODE_APPLY_TO)
		g_free(parser->apply_to), parser->apply_to = g_strdup(id);
	else if (node == NODE_RETRACT)
		set_once(&stanza->retract_id, id != NULL ? id : parser->apply_to);
	else if (node == NODE_MUC_ITEM)
		set_once(&stanza->real_jid, xml_attr_value(attrs, "jid"));
	else if (node == NODE_MUC_USER)
		stanza->in_room = true;
	else if (node == NODE_ENCRYPTED)
		stanza->encrypted = true;
	else if (node == NODE_FILE)
		parser->files++;
	else if (node == NODE_FILE_HASH)
		g_free(parser->hash_algorithm),
		        parser->hash_algorithm = xml_attr_dup(attrs, "algo");
	else if (node == NODE_URL_DATA)
		start_link(parser, attrs);
	else if (node == NODE_BODY)
		g_free(parser->lang), parser->lang = g_strdup(xml_attr_value_ns(attrs,
		                              "http://www.w3.org/XML/1998/namespace", "lang"));
}

static bool on_start(void *data, const char *ns, const char *local, const struct xml_attrs *attrs,
        GError **error)
{
	struct parser *parser = data;
	enum node node = NODE_ROOT;
	if (parser->depth == 0) {
		if (!start_root(parser, ns, local, attrs, error))
			return false;
	} else if (parser->depth >= MAX_DEPTH) {
		error_set(error, ERROR_ITEM, "stanza.malformed",
		        "A stanza is nested deeper than %u elements; it is left out", MAX_DEPTH);
		return false;
	} else {
		node = find_node(parser->path[parser->depth - 1], ns, local);
		start_node(parser, node, attrs);
	}
	parser->path[parser->depth++] = node;
	return true;
}

static void end_body(struct parser *parser, const char *text)
{
	if (parser->bodies++ > 0) {
		g_string_append_c(parser->body, '\n');
		if (parser->lang != NULL)
			g_string_append_printf(parser->body, "[%s] ", parser->lang);
	}
	g_string_append(parser->body, text);
}

static void end_url(struct parser *parser, const char *text)
{
	if (parser->links++ == 0)
		set_once(&parser->stanza->url, text);
	else
		g_string_append_printf(
		        parser->url_text, "%s%s", parser->url_text->len > 0 ? "\n" : "", text);
}

/* "sha-256:" and hexadecimal digits, whatever way it was written in. */
static void end_hash(struct parser *parser, const char *text)
{
	gsize len = 0;
	g_autofree guchar *bytes = g_base64_decode(text, &len);
	GString *hash = g_string_new(NULL);
	if (parser->stanza->file_hash != NULL || parser->hash_algorithm == NULL || len < 16 ||
	        len > 64) {
		g_string_free(hash, TRUE);
		return;
	}
	g_string_append_printf(hash, "%s:", parser->hash_algorithm);
	for (gsize i = 0; i < len; i++)
		g_string_append_printf(hash, "%02x", bytes[i]);
	parser->stanza->file_hash = g_string_free(hash, FALSE);
}

/* Of several files the first is told; the others' links stand in the text. */
static void end_file_part(struct parser *parser, enum node node, const char *text)
{
	struct stanza *stanza = parser->stanza;
	guint64 size = 0;
	if (parser->files > 1 || text[0] == '\0')
		return;
	if (node == NODE_FILE_NAME)
		set_once(&stanza->file_name, text);
	else if (node == NODE_FILE_HASH)
		end_hash(parser, text);
	else if (g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, &size, NULL))
		stanza->file_size_bytes = (int64_t)size;
}

static bool on_end(
        void *data, const char *ns, const char *local, const char *text, size_t len, GError **error)
{
	(void)ns, (void)local, (void)len, (void)error;
	struct parser *parser = data;
	struct stanza *stanza = parser->stanza;
	enum node node = parser->path[--parser->depth];

	/* A body with elements in it is against RFC 6121, 5.2.3; there is nothing to be had of it.
	 */
	if (text == NULL)
		text = "";
	if (node == NODE_BODY)
		end_body(parser, text);
	else if (node == NODE_SUBJECT)
		set_once(&stanza->subject, text);
	else if (node == NODE_THREAD)
		set_once(&stanza->thread, text[0] != '\0' ? text : NULL);
	else if (node == NODE_OOB_URL && text[0] != '\0')
		end_url(parser, text);
	else if (node == NODE_OOB_DESC && text[0] != '\0')
		g_string_append_printf(
		        parser->url_text, "%s%s", parser->url_text->len > 0 ? "\n" : "", text);
	else if (node == NODE_FILE_NAME || node == NODE_FILE_SIZE || node == NODE_FILE_HASH)
		end_file_part(parser, node, text);
	else if (node == NODE_REACTION && text[0] != '\0')
		g_string_append_printf(
		        parser->reactions, "%s%s", parser->reactions->len > 0 ? " " : "", text);
	return true;
}

static void parser_finish(struct parser *parser)
{
	struct stanza *stanza = parser->stanza;
	if (parser->bodies > 0)
		stanza->body = g_strdup(parser->body->str);
	if (parser->url_text->len > 0)
		stanza->url_text = g_strdup(parser->url_text->str);
	if (stanza->react_id != NULL)
		stanza->reactions = g_strdup(parser->reactions->str);
	/* OTR (XEP-0364) has no element of its own: the body says so. */
	if (stanza->body != NULL && g_str_has_prefix(stanza->body, "?OTR"))
		stanza->encrypted = true;
}

static void parser_clear(struct parser *parser)
{
	g_free(parser->lang);
	g_free(parser->apply_to);
	g_free(parser->hash_algorithm);
	g_string_free(parser->body, TRUE);
	g_string_free(parser->url_text, TRUE);
	g_string_free(parser->reactions, TRUE);
}

static bool feed(struct parser *parser, const char *xml, size_t len, GError **error)
{
	static const struct xml_handler handler = {.start = on_start, .end = on_end};
	const struct xml_limits limits = {.max_bytes = STANZA_MAX_BYTES,
	        .max_text_bytes = STANZA_MAX_BYTES,
	        .max_depth = MAX_DEPTH + 1};
	autoptr(xml_reader) reader = xml_reader_new(&handler, parser, &limits);
	if (!xml_reader_feed(reader, xml, len, error) || !xml_reader_finish(reader, error))
		return false;
	parser->stanza->mended = xml_reader_mended(reader);
	return true;
}

struct stanza *stanza_parse(const char *xml, size_t len, GError **error)
{
	if (len > STANZA_MAX_BYTES) {
		error_set(error, ERROR_ITEM, "stanza.too_large",
		        "A stanza of %zu bytes is larger than %u bytes; it is left out", len,
		        STANZA_MAX_BYTES);
		return NULL;
	}
	autoptr(stanza) stanza = g_new0(struct stanza, 1);
	struct parser parser = {.stanza = stanza,
	        .body = g_string_new(NULL),
	        .url_text = g_string_new(NULL),
	        .reactions = g_string_new(NULL)};
	GError *cause = NULL;
	bool good = feed(&parser, xml, len, &cause);
	if (good)
		parser_finish(&parser);
	parser_clear(&parser);
	if (good)
		return g_steal_pointer(&stanza);
	/* The XML reader's own words and classes are about an answer from a server. */
	error_reclass(cause, ERROR_ITEM);
	g_free(cause->message);
	cause->message =
	        g_strdup_printf("A stored stanza cannot be understood (%s); the row is left out",
	                error_reason(cause));
	g_propagate_error(error, cause);
	return NULL;
}

void stanza_free(struct stanza *stanza)
{
	char *const fields[] = {stanza->type, stanza->from, stanza->to, stanza->id,
	        stanza->origin_id, stanza->body, stanza->subject, stanza->thread,
	        stanza->replace_id, stanza->retract_id, stanza->react_id, stanza->reactions,
	        stanza->url, stanza->url_text, stanza->occupant_id, stanza->real_jid,
	        stanza->file_name, stanza->file_hash};
	for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++)
		g_free(fields[i]);
	g_free(stanza);
}

static bool has_text(const char *text)
{
	return text != NULL && text[0] != '\0';
}

static bool message_kind_of(const struct stanza *stanza, enum message_kind *kind)
{
	if (stanza->retract_id != NULL)
		*kind = MESSAGE_RETRACTION;
	else if (stanza->react_id != NULL)
		*kind = MESSAGE_REACTION;
	else if (stanza->encrypted)
		*kind = MESSAGE_ENCRYPTED;
	else if (stanza->replace_id != NULL && stanza->body != NULL)
		*kind = MESSAGE_CORRECTION;
	else if (stanza->url != NULL)
		*kind = MESSAGE_FILE;
	else if (has_text(stanza->body))
		*kind = MESSAGE_CHAT;
	else if (stanza->subject != NULL)
		*kind = MESSAGE_SUBJECT;
	else
		return false;
	return true;
}

bool stanza_kind(const struct stanza *stanza, enum message_kind *kind)
{
	const char *type = stanza->type != NULL ? stanza->type : "";
	if (stanza->is_presence) {
		*kind = g_str_equal(type, "unavailable") ? MESSAGE_LEAVE : MESSAGE_JOIN;
		return type[0] == '\0' || *kind == MESSAGE_LEAVE;
	}
	if (g_str_equal(type, "error") || g_str_equal(type, "headline"))
		return false;
	return message_kind_of(stanza, kind);
}

/* A message of type normal may have a subject of its own, as mail has. */
static char *text_with_subject(const struct stanza *stanza)
{
	if (has_text(stanza->subject))
		return g_strconcat(stanza->subject, "\n\n", stanza->body, NULL);
	return g_strdup(stanza->body);
}

static char *file_text(const struct stanza *stanza)
{
	bool body_is_link = !has_text(stanza->body) || g_str_equal(stanza->body, stanza->url);
	if (body_is_link)
		return g_strdup(stanza->url_text);
	return stanza->url_text == NULL ? g_strdup(stanza->body)
	                                : g_strconcat(stanza->body, "\n", stanza->url_text, NULL);
}

static char *text_of(const struct stanza *stanza, enum message_kind kind)
{
	if (kind == MESSAGE_CHAT || kind == MESSAGE_CORRECTION)
		return text_with_subject(stanza);
	if (kind == MESSAGE_FILE)
		return file_text(stanza);
	if (kind == MESSAGE_REACTION)
		return g_strdup(stanza->reactions);
	if (kind == MESSAGE_SUBJECT)
		return g_strdup(stanza->subject);
	/* The body of a retraction or an encrypted message is a hint for old clients. */
	return NULL;
}

/* The last part of the path, as people would call the file; NULL when there is none. */
static char *name_in_url(const char *url)
{
	g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
	const char *slash = uri != NULL ? strrchr(g_uri_get_path(uri), '/') : NULL;
	return slash != NULL && slash[1] != '\0' ? g_strdup(slash + 1) : NULL;
}

struct message *stanza_message(const struct stanza *stanza, enum message_kind kind)
{
	struct message *message = message_new(kind);
	const char *refers_to = NULL;
	if (kind == MESSAGE_RETRACTION)
		refers_to = stanza->retract_id;
	else if (kind == MESSAGE_REACTION)
		refers_to = stanza->react_id;
	else if (kind == MESSAGE_CORRECTION || kind == MESSAGE_ENCRYPTED)
		refers_to = stanza->replace_id;
	message->text = text_of(stanza, kind);
	if (kind == MESSAGE_FILE) {
		message->url = g_strdup(stanza->url);
		message->file_name = stanza->file_name != NULL ? g_strdup(stanza->file_name)
		                                               : name_in_url(stanza->url);
		message->file_size_bytes = stanza->file_size_bytes;
		message->file_hash = g_strdup(stanza->file_hash);
	}
	message->thread = g_strdup(stanza->thread);
	message->message_id = g_strdup(stanza->id != NULL ? stanza->id : stanza->origin_id);
	message->refers_to = g_strdup(refers_to);
	return message;
}

char *stanza_correlation(const struct stanza *stanza, const struct message *message)
{
	return stanza_correlation_of(stanza->id, stanza->origin_id, message);
}

char *stanza_correlation_of(const char *id, const char *origin_id, const struct message *message)
{
	if (message->is_room && origin_id == NULL)
		return NULL;
	const char *proof = origin_id != NULL ? "o:" : id != NULL ? "i:" : "c:";
	const char *const fields[] = {proof, message_kind_name(message->kind),
	        message->sender_resolved ? NULL : message->sender, message->sender_nick,
	        message->is_room ? message->peer : NULL, origin_id != NULL ? origin_id : id,
	        message->refers_to, message->thread, message->text, message->url};
	struct digest *sum = digest_begin();
	for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
		digest_add(sum, fields[i] != NULL ? "=" : "-", 1);
		digest_add_text(sum, fields[i] != NULL ? fields[i] : "");
	}
	g_autofree char *hex = digest_end(sum);
	hex[CORRELATION_HEX] = '\0';
	return g_strconcat(proof, hex, NULL);
}

const char *stanza_resource(const char *jid)
{
	/* Neither local part nor domain may hold a slash (RFC 7622, 3.3). */
	const char *slash = jid != NULL ? strchr(jid, '/') : NULL;
	return slash != NULL && slash[1] != '\0' ? slash + 1 : NULL;
}
