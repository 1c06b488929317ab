#include "im/ingest.h"

#include "core/address.h"
#include "core/clock.h"
#include "core/error.h"
#include "im/stanza.h"
#include "wire/json.h"

#include <string.h>

#define ID_MAX_BYTES 1024

enum member {
	MEMBER_KEY,
	MEMBER_SEQUENCE,
	MEMBER_KIND,
	MEMBER_FROM,
	MEMBER_TO,
	MEMBER_ROOM,
	MEMBER_NICK,
	MEMBER_TIME,
	MEMBER_ID,
	MEMBER_ORIGIN_ID,
	MEMBER_REFERS_TO,
	MEMBER_THREAD,
	MEMBER_TEXT,
	MEMBER_URL,
	MEMBER_FILE_NAME,
	MEMBER_FILE_SIZE,
	MEMBER_FILE_HASH,
	MEMBERS,
};

const struct ingest_member ingest_members[] = {
        [MEMBER_KEY] = {"key", 255, "the sender's own unique name of the event"},
        [MEMBER_SEQUENCE] = {"sequence", 0,
                "the sender's running number, from which gaps are told"},
        [MEMBER_KIND] = {"kind", 32, "what happened; chat unless given"},
        [MEMBER_FROM] = {"from", ADDRESS_MAX_BYTES, "who did it"},
        [MEMBER_TO] = {"to", ADDRESS_MAX_BYTES, "to whom, between two people"},
        [MEMBER_ROOM] = {"room", ADDRESS_MAX_BYTES, "or in which room"},
        [MEMBER_NICK] = {"nick", ID_MAX_BYTES, "the nickname in the room"},
        [MEMBER_TIME] = {"time", 64, "when, in ISO 8601"},
        [MEMBER_ID] = {"id", ID_MAX_BYTES, "the message's id, which others refer to"},
        [MEMBER_ORIGIN_ID] = {"origin_id", ID_MAX_BYTES, "the id that its writer's client gave it"},
        [MEMBER_REFERS_TO] = {"refers_to", ID_MAX_BYTES, "id of the message that is meant"},
        [MEMBER_THREAD] = {"thread", ID_MAX_BYTES, "the id of the talk"},
        [MEMBER_TEXT] = {"text", 0, "what was said"},
        [MEMBER_URL] = {"url", 8192, "where a file is"},
        [MEMBER_FILE_NAME] = {"file_name", ID_MAX_BYTES, "what its sender called the file"},
        [MEMBER_FILE_SIZE] = {"file_size", 0, "how many bytes it has"},
        [MEMBER_FILE_HASH] = {"file_hash", 160, "its hash, such as sha-256:..."},
        [MEMBERS] = {NULL, 0, NULL},
};

#define BIT(member) (1U << (member))
#define WORDS (BIT(MEMBER_TEXT) | BIT(MEMBER_THREAD))
#define FILE_FACTS (BIT(MEMBER_FILE_NAME) | BIT(MEMBER_FILE_SIZE) | BIT(MEMBER_FILE_HASH))
#define NUMBERS (BIT(MEMBER_SEQUENCE) | BIT(MEMBER_FILE_SIZE))

/* What a kind needs and what it may have beside that. */
static const struct kind_rule {
	enum message_kind kind;
	unsigned needs, may;
} kind_rules[] = {
        {MESSAGE_CHAT, BIT(MEMBER_TEXT), WORDS},
        {MESSAGE_CORRECTION, BIT(MEMBER_TEXT) | BIT(MEMBER_REFERS_TO), WORDS},
        {MESSAGE_RETRACTION, BIT(MEMBER_REFERS_TO), BIT(MEMBER_THREAD)},
        {MESSAGE_REACTION, BIT(MEMBER_TEXT) | BIT(MEMBER_REFERS_TO), WORDS},
        {MESSAGE_FILE, BIT(MEMBER_URL), WORDS | FILE_FACTS},
        {MESSAGE_ENCRYPTED, 0, BIT(MEMBER_THREAD) | BIT(MEMBER_REFERS_TO)},
        {MESSAGE_SUBJECT, BIT(MEMBER_TEXT) | BIT(MEMBER_ROOM), WORDS},
        {MESSAGE_JOIN, BIT(MEMBER_ROOM), 0},
        {MESSAGE_LEAVE, BIT(MEMBER_ROOM), 0},
};

/* Whatever the kind. */
#define ALWAYS                                                                                     \
	(BIT(MEMBER_KEY) | BIT(MEMBER_SEQUENCE) | BIT(MEMBER_KIND) | BIT(MEMBER_FROM) |            \
	        BIT(MEMBER_TO) | BIT(MEMBER_ROOM) | BIT(MEMBER_NICK) | BIT(MEMBER_TIME) |          \
	        BIT(MEMBER_ID) | BIT(MEMBER_ORIGIN_ID))

struct parsed {
	const char *text[MEMBERS]; /* borrowed from the JSON; NULL: not there */
	unsigned there; /* BIT() of each */
	int64_t numbers[MEMBERS]; /* where text is none; 0: not there */
};

void ingest_line_clear(struct ingest_line *line)
{
	g_clear_pointer(&line->message, message_free);
}

static bool wrong(const char *reason, const char *member, const char *what, GError **error)
{
	error_set(error, ERROR_ITEM, reason, "\"%s\" %s", member, what);
	return false;
}

/* The name of a member that is not known may be anything: only a plain one is told back. */
static bool refuse_unknown(const char *name, GError **error)
{
	bool plain = strlen(name) <= 32;
	for (const char *p = name; *p != '\0'; p++)
		plain = plain && (g_ascii_isalnum(*p) || *p == '_');
	return wrong("ingest.member", plain ? name : "?", "is no member of an event", error);
}

static bool take_text(
        struct parsed *parsed, enum member member, const json_t *value, GError **error)
{
	const struct ingest_member *known = &ingest_members[member];
	if (!json_is_string(value))
		return wrong("ingest.member", known->name, "is not a string", error);
	if (known->max_bytes != 0 && json_string_length(value) > known->max_bytes) {
		error_set(error, ERROR_ITEM, "ingest.member", "\"%s\" has more than %zu bytes",
		        known->name, known->max_bytes);
		return false;
	}
	if (strlen(json_string_value(value)) != json_string_length(value))
		return wrong("ingest.member", known->name, "holds a NUL", error);
	/* What says nothing is missing, except the text: a subject or reaction may be taken away.
	 */
	if (member != MEMBER_TEXT && json_string_length(value) == 0)
		return true;
	parsed->text[member] = json_string_value(value);
	parsed->there |= BIT(member);
	return true;
}

static bool take_member(
        struct parsed *parsed, const char *name, const json_t *value, GError **error)
{
	unsigned member = 0;
	while (member < MEMBERS && !g_str_equal(ingest_members[member].name, name))
		member++;
	if (member == MEMBERS)
		return refuse_unknown(name, error);
	if (json_is_null(value))
		return true;
	if ((BIT(member) & NUMBERS) == 0)
		return take_text(parsed, member, value, error);
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return wrong("ingest.member", name, "is no whole number from 0 on", error);
	parsed->numbers[member] = json_integer_value(value);
	parsed->there |= BIT(member);
	return true;
}

static const struct kind_rule *find_rule(const char *name, GError **error)
{
	enum message_kind kind;
	if (name == NULL)
		return &kind_rules[0];
	if (message_kind_parse(name, &kind))
		for (unsigned i = 0; i < G_N_ELEMENTS(kind_rules); i++)
			if (kind_rules[i].kind == kind)
				return &kind_rules[i];
	error_set(error, ERROR_ITEM, "ingest.kind",
	        "\"kind\" is none of chat, correction, retraction, reaction, file, encrypted, "
	        "subject, join, leave");
	return NULL;
}

/* One pair of members, exactly one of which must be there. */
static bool need_one(const struct parsed *parsed, enum member a, enum member b, GError **error)
{
	if ((parsed->text[a] != NULL) != (parsed->text[b] != NULL))
		return true;
	if (parsed->text[a] == NULL)
		error_set(error, ERROR_ITEM, "ingest.missing", "neither \"%s\" nor \"%s\" is given",
		        ingest_members[a].name, ingest_members[b].name);
	else
		error_set(error, ERROR_ITEM, "ingest.member",
		        "\"%s\" and \"%s\" do not go together", ingest_members[a].name,
		        ingest_members[b].name);
	return false;
}

static bool check_members(const struct parsed *parsed, const struct kind_rule *rule, GError **error)
{
	unsigned needs = rule->needs | BIT(MEMBER_KEY) | BIT(MEMBER_TIME);
	unsigned may = rule->needs | rule->may | ALWAYS;
	if (parsed->text[MEMBER_ROOM] == NULL)
		needs |= BIT(MEMBER_FROM);
	for (unsigned i = 0; i < MEMBERS; i++) {
		if ((needs & ~parsed->there & BIT(i)) != 0)
			return wrong("ingest.missing", ingest_members[i].name, "is missing", error);
		if ((parsed->there & ~may & BIT(i)) != 0)
			return wrong("ingest.member", ingest_members[i].name,
			        "does not go with this kind of event", error);
	}
	if (!need_one(parsed, MEMBER_TO, MEMBER_ROOM, error))
		return false;
	if (parsed->text[MEMBER_FROM] == NULL && parsed->text[MEMBER_NICK] == NULL)
		return wrong("ingest.missing", "from", "is missing, and so is \"nick\"", error);
	if (parsed->text[MEMBER_NICK] != NULL && parsed->text[MEMBER_ROOM] == NULL)
		return wrong("ingest.member", "nick", "goes with \"room\" only", error);
	return true;
}

static bool take_address(
        const struct parsed *parsed, enum member member, char **out, GError **error)
{
	if (parsed->text[member] == NULL)
		return true;
	*out = address_canonical(parsed->text[member], NULL);
	return *out != NULL ||
	       wrong("ingest.address", ingest_members[member].name, "is no address", error);
}

static bool take_addresses(const struct parsed *parsed, struct message *message, GError **error)
{
	message->is_room = parsed->text[MEMBER_ROOM] != NULL;
	if (!take_address(parsed, MEMBER_FROM, &message->sender, error) ||
	        !take_address(
	                parsed, message->is_room ? MEMBER_ROOM : MEMBER_TO, &message->peer, error))
		return false;
	if (message->is_room)
		return true;
	message->owner = g_strdup(message->sender);
	if (!g_str_equal(message->owner, message->peer))
		return true;
	return wrong("ingest.address", "to", "is who sent it", error);
}

/* "sha-256:" and as many digits as it has, the way a file's hash is told everywhere in imex. */
static bool take_hash(const struct parsed *parsed, char **out, GError **error)
{
	const char *text = parsed->text[MEMBER_FILE_HASH];
	if (text == NULL)
		return true;
	size_t name = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
	const char *hex = text + name + (text[name] == ':');
	size_t digits = strspn(hex, "0123456789abcdefABCDEF");
	bool whole = name > 0 && text[name] == ':' && digits > 0 && digits % 2 == 0 &&
	             hex[digits] == '\0' && (!g_str_has_prefix(text, "sha-256:") || digits == 64);
	if (!whole)
		return wrong("ingest.member", ingest_members[MEMBER_FILE_HASH].name,
		        "is not the name of an algorithm, a colon and hexadecimal digits", error);
	*out = g_ascii_strdown(text, -1);
	return true;
}

static bool fill(const struct parsed *parsed, struct message *message, GError **error)
{
	if (!clock_parse_iso(parsed->text[MEMBER_TIME], &message->sent_utc_us, NULL)) {
		error_set(error, ERROR_ITEM, "ingest.time", "\"time\" is no ISO 8601 time");
		return false;
	}
	if (!take_addresses(parsed, message, error) ||
	        !take_hash(parsed, &message->file_hash, error))
		return false;
	message->file_name = g_strdup(parsed->text[MEMBER_FILE_NAME]);
	message->file_size_bytes = parsed->numbers[MEMBER_FILE_SIZE];
	message->source_key = g_strdup(parsed->text[MEMBER_KEY]);
	message->sender_nick = g_strdup(parsed->text[MEMBER_NICK]);
	message->message_id =
	        g_strdup(parsed->text[MEMBER_ID] != NULL ? parsed->text[MEMBER_ID]
	                                                 : parsed->text[MEMBER_ORIGIN_ID]);
	message->refers_to = g_strdup(parsed->text[MEMBER_REFERS_TO]);
	message->thread = g_strdup(parsed->text[MEMBER_THREAD]);
	message->text = g_strdup(parsed->text[MEMBER_TEXT]);
	message->url = g_strdup(parsed->text[MEMBER_URL]);
	message->order = parsed->numbers[MEMBER_SEQUENCE];
	message->correlation = stanza_correlation_of(
	        parsed->text[MEMBER_ID], parsed->text[MEMBER_ORIGIN_ID], message);
	return true;
}

static bool read_members(const json_t *root, struct parsed *parsed, GError **error)
{
	const char *name;
	json_t *value;
	if (!json_is_object(root)) {
		error_set(error, ERROR_ITEM, "ingest.json", "the line is not a JSON object");
		return false;
	}
	json_object_foreach ((json_t *)(uintptr_t)root, name, value)
		if (!take_member(parsed, name, value, error))
			return false;
	return true;
}

bool ingest_parse(const char *text, size_t len, struct ingest_line *out, GError **error)
{
	json_auto_t *root = NULL;
	g_autoptr(GError) cause = NULL;
	struct parsed parsed = {0};
	*out = (struct ingest_line){.sequence = -1};
	if (!json_parse_limited(text, len, len, INGEST_MAX_DEPTH, &root, &cause)) {
		error_set(error, ERROR_ITEM, "ingest.json", "the line is not valid: %s",
		        cause->message);
		return false;
	}
	if (!read_members(root, &parsed, error))
		return false;
	const struct kind_rule *rule = find_rule(parsed.text[MEMBER_KIND], error);
	if (rule == NULL || !check_members(&parsed, rule, error))
		return false;
	autoptr(message) message = message_new(rule->kind);
	if (!fill(&parsed, message, error))
		return false;
	out->message = g_steal_pointer(&message);
	if ((parsed.there & BIT(MEMBER_SEQUENCE)) != 0)
		out->sequence = parsed.numbers[MEMBER_SEQUENCE];
	return true;
}
