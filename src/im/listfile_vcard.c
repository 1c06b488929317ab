/*
 * vCard 4 (RFC 6350): a card of KIND:group for the list, whose MEMBERs are its contacts, then one
 * card per contact: IMPP is the address, CATEGORIES are the groups. X-IMEX-* on the list's card
 * stamps it. Version 3.0 is read as well, with its X-JABBER and X-SIP.
 */
#include "core/address.h"
#include "core/clock.h"
#include "core/error.h"
#include "im/listfile_private.h"

#include <stdlib.h>
#include <string.h>

/* RFC 6350, 3.2: octets of a line without its end. */
#define FOLD_AT 75
#define MAX_CONTACTS 1000000

/*
 * Writing.
 */

/* A content line, folded between characters. */
static void put_line(GString *out, const char *line)
{
	size_t column = 0;
	for (const char *at = line; *at != '\0';) {
		size_t size = (size_t)(g_utf8_next_char(at) - at);
		if (column + size > FOLD_AT) {
			g_string_append(out, "\r\n ");
			column = 1;
		}
		g_string_append_len(out, at, (gssize)size);
		column += size;
		at += size;
	}
	g_string_append(out, "\r\n");
}

static void put(GString *out, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void put(GString *out, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	g_autofree char *line = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	put_line(out, line);
}

static bool is_control(gunichar c)
{
	return g_unichar_iscntrl(c) && c != '\n' && c != '\t';
}

/* A text value; *lossy when it held a control character, which vCard cannot carry. */
static char *escape(const char *text, bool *lossy)
{
	GString *out = g_string_new(NULL);
	for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
		gunichar c = g_utf8_get_char(at);
		if (is_control(c)) {
			*lossy = true;
			g_string_append_unichar(out, 0xfffd);
		} else if (c == '\n') {
			g_string_append(out, "\\n");
		} else {
			if (strchr("\\,;", (int)c) != NULL && c < 0x80)
				g_string_append_c(out, '\\');
			g_string_append_unichar(out, c);
		}
	}
	return g_string_free(out, FALSE);
}

/* RFC 5122; a telephone number is its own URI. */
static char *uri_of(const char *key)
{
	g_autofree char *local = address_local_part(key);
	if (address_is_tel(key))
		return g_uri_escape_string(key, ":+", FALSE);
	g_autofree char *domain = g_uri_escape_string(address_domain(key), NULL, FALSE);
	if (local == NULL)
		return g_strconcat("xmpp:", domain, NULL);
	g_autofree char *node = g_uri_escape_string(local, NULL, FALSE);
	return g_strconcat("xmpp:", node, "@", domain, NULL);
}

static void put_groups(GString *out, const struct contact *contact, bool *lossy)
{
	g_autoptr(GString) line = g_string_new("CATEGORIES:");
	for (guint i = 0; i < contact->groups->len; i++) {
		g_autofree char *group = escape(g_ptr_array_index(contact->groups, i), lossy);
		g_string_append_printf(line, "%s%s", i > 0 ? "," : "", group);
	}
	if (contact->groups->len > 0)
		put_line(out, line->str);
}

struct phones {
	GString *out;
	bool *lossy;
};

static void put_phone(void *data, const char *kind, const char *number)
{
	const struct phones *phones = data;
	g_autofree char *text = escape(number, phones->lossy);
	put(phones->out, "TEL;TYPE=%s;VALUE=text:%s", kind, text);
}

/* What the mailbox tells beside the contact; reading passes it over. */
static void put_card(GString *out, const struct contact_card *card, bool *lossy)
{
	struct phones phones = {out, lossy};
	contact_card_each_phone(card, put_phone, &phones);
	if (card->birthday != NULL) {
		g_auto(GStrv) parts = g_strsplit(card->birthday, "-", -1);
		g_autofree char *day = g_strjoinv("", parts);
		put(out, "BDAY:%s", day);
	}
	if (card->photo == NULL)
		return;
	gsize len = 0;
	const void *bytes = g_bytes_get_data(card->photo, &len);
	g_autofree char *base64 = g_base64_encode(bytes, len);
	put(out, "PHOTO:data:%s;base64,%s", card->photo_type, base64);
}

static void put_contact(
        GString *out, const struct contact *contact, const struct contact_card *card, bool *lossy)
{
	g_autofree char *uri = uri_of(contact->key);
	g_autofree char *name = escape(contact->name != NULL ? contact->name : contact->key, lossy);
	put_line(out, "BEGIN:VCARD");
	put_line(out, "VERSION:4.0");
	put(out, "UID:%s", uri);
	put(out, "FN:%s", name);
	/* A card must have a name; the contact has none. */
	if (contact->name == NULL)
		put_line(out, "X-IMEX-NAME:none");
	if (!address_is_tel(contact->key))
		put(out, "IMPP;PREF=1:%s", uri);
	if (contact->tel_uri != NULL || address_is_tel(contact->key)) {
		g_autofree char *tel =
		        uri_of(contact->tel_uri != NULL ? contact->tel_uri : contact->key);
		put(out, "TEL;VALUE=uri:%s", tel);
	}
	put_groups(out, contact, lossy);
	if (card != NULL)
		put_card(out, card, lossy);
	put_line(out, "END:VCARD");
}

static void put_stamp(GString *out, const struct listfile *list)
{
	if (list->stamped) {
		put(out, "X-IMEX-MODE:%s", listfile_mode(list));
		put(out, "X-IMEX-GENERATION:%" G_GINT64_FORMAT, list->generation);
	}
	if (list->taken_utc_us == 0)
		return;
	g_autofree char *taken = clock_format_iso(list->taken_utc_us);
	put(out, "X-IMEX-TAKEN:%s", taken);
}

static bool is_valid(const struct contact *contact)
{
	bool good = g_utf8_validate(contact->key, -1, NULL) &&
	            (contact->name == NULL || g_utf8_validate(contact->name, -1, NULL));
	for (guint i = 0; good && i < contact->groups->len; i++)
		good = g_utf8_validate(g_ptr_array_index(contact->groups, i), -1, NULL);
	return good;
}

static void put_list(GString *out, const struct listfile *list, const struct listfile_sink *sink)
{
	put_line(out, "BEGIN:VCARD");
	put_line(out, "VERSION:4.0");
	put_line(out, "KIND:group");
	put(out, "FN:IM contacts of %s", list->owner);
	put(out, "X-IMEX-OWNER:%s", list->owner);
	put_stamp(out, list);
	for (guint i = 0; i < list->contacts->len; i++) {
		const struct contact *contact = g_ptr_array_index(list->contacts, i);
		g_autofree char *uri = is_valid(contact) ? uri_of(contact->key) : NULL;
		if (uri != NULL)
			put(out, "MEMBER:%s", uri);
	}
	put_line(out, "END:VCARD");
	for (guint i = 0; i < list->contacts->len; i++) {
		const struct contact *contact = g_ptr_array_index(list->contacts, i);
		bool lossy = false;
		if (is_valid(contact))
			put_contact(out, contact, listfile_card(list, contact->key), &lossy);
		else
			listfile_odd(sink, contact->key, "it holds bytes that are not UTF-8");
		if (lossy)
			listfile_odd(sink, contact->key,
			        "it holds control characters, which were replaced");
	}
}

char *listfile_vcard_write(const GPtrArray *lists, const struct listfile_sink *sink, GError **error)
{
	(void)error;
	GString *out = g_string_new(NULL);
	for (guint i = 0; i < lists->len; i++)
		put_list(out, g_ptr_array_index(lists, i), sink);
	return g_string_free(out, FALSE);
}

/*
 * Reading.
 */

struct card {
	char *version, *kind, *name, *formatted, *address, *tel;
	char *owner, *mode, *generation, *taken;
	long pref; /* of the address */
	bool nameless;
	GPtrArray *groups; /* of char * */
	size_t line; /* where it begins */
};

static void card_clear(struct card *card)
{
	char **const texts[] = {&card->version, &card->kind, &card->name, &card->formatted,
	        &card->address, &card->tel, &card->owner, &card->mode, &card->generation,
	        &card->taken};
	for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
		g_clear_pointer(texts[i], g_free);
	g_clear_pointer(&card->groups, g_ptr_array_unref);
	*card = (struct card){0};
}

/* An unfolded content line; the parts point into text. */
struct property {
	GString *text;
	char *name, *value;
	GPtrArray *parameters; /* of char *: "NAME=VALUE" */
	size_t line;
};

struct reading {
	GPtrArray *lists;
	const struct listfile_sink *sink;
	const char *at, *end;
	size_t line;
	struct listfile *list; /* that contacts go to; owned by lists */
	GHashTable *keys;
};

/* The next logical line; false at the end. Lines end with CRLF or LF; a blank begins a fold. */
static bool next_line(struct reading *reading, struct property *property)
{
	g_string_truncate(property->text, 0);
	if (reading->at == reading->end)
		return false;
	property->line = reading->line + 1;
	do {
		const char *stop = memchr(reading->at, '\n', (size_t)(reading->end - reading->at));
		const char *next = stop != NULL ? stop + 1 : reading->end;
		stop = stop != NULL ? stop : reading->end;
		if (stop > reading->at && stop[-1] == '\r')
			stop--;
		bool folded = property->line <= reading->line;
		const char *from = reading->at + (folded ? 1 : 0);
		if (stop > from)
			g_string_append_len(property->text, from, stop - from);
		reading->at = next;
		reading->line++;
	} while (reading->at < reading->end && (*reading->at == ' ' || *reading->at == '\t'));
	return true;
}

/* Cuts "group.NAME;P=\"a:b\";Q=c:value" up. False: there is no colon. */
static bool cut(struct property *property)
{
	bool quoted = false;
	g_ptr_array_set_size(property->parameters, 0);
	property->name = property->text->str;
	char *begin = property->text->str;
	for (char *at = begin; *at != '\0'; at++) {
		if (*at == '"')
			quoted = !quoted;
		if (quoted || (*at != ';' && *at != ':'))
			continue;
		bool last = *at == ':';
		*at = '\0';
		if (begin != property->name)
			g_ptr_array_add(property->parameters, begin);
		begin = at + 1;
		if (last) {
			char *dot = strrchr(property->name, '.');
			property->name = dot != NULL ? dot + 1 : property->name;
			property->value = begin;
			return true;
		}
	}
	return false;
}

static bool named(const struct property *property, const char *name)
{
	return g_ascii_strcasecmp(property->name, name) == 0;
}

static const char *parameter(const struct property *property, const char *name)
{
	size_t length = strlen(name);
	for (guint i = 0; i < property->parameters->len; i++) {
		const char *one = g_ptr_array_index(property->parameters, i);
		if (g_ascii_strncasecmp(one, name, length) == 0 && one[length] == '=')
			return one + length + 1;
	}
	return NULL;
}

/* Up to an unescaped separator (0: none), unescaped; *at moves behind it. */
static char *text_value(const char **at, char separator)
{
	GString *text = g_string_new(NULL);
	for (; **at != '\0' && (separator == 0 || **at != separator); (*at)++) {
		if (**at == '\\' && (*at)[1] != '\0') {
			(*at)++;
			g_string_append_c(text, **at == 'n' || **at == 'N' ? '\n' : **at);
		} else {
			g_string_append_c(text, **at);
		}
	}
	if (**at != '\0')
		(*at)++;
	return g_string_free(text, FALSE);
}

static void take_text(char **field, const struct property *property)
{
	const char *at = property->value;
	if (*field == NULL)
		*field = text_value(&at, 0);
}

/* N:Family;Given;... : used when there is no FN. */
static void take_name(struct card *card, const struct property *property)
{
	const char *at = property->value;
	g_autofree char *family = text_value(&at, ';');
	g_autofree char *given = text_value(&at, ';');
	g_autofree char *joined = g_strdup_printf("%s %s", given, family);
	g_free(card->name);
	card->name = g_strdup(g_strstrip(joined));
}

static long preference(const struct property *property)
{
	const char *pref = parameter(property, "PREF");
	long number = pref != NULL ? strtol(pref, NULL, 10) : 0;
	return number >= 1 && number <= 100 ? number : 101;
}

/* The most preferred address of those that an IM system like ours has. */
static void take_address(struct card *card, const struct property *property, const char *scheme)
{
	static const char *const schemes[] = {"xmpp:", "sip:", "sips:", "im:"};
	const char *value = property->value;
	g_autofree char *prefixed = NULL;
	bool known = false;
	if (scheme != NULL && strchr(value, ':') == NULL)
		value = prefixed = g_strconcat(scheme, value, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(schemes) && !known; i++)
		known = g_ascii_strncasecmp(value, schemes[i], strlen(schemes[i])) == 0;
	long pref = preference(property);
	if (!known || (card->address != NULL && pref >= card->pref))
		return;
	/* A URI's percent signs; a value that is not a URI keeps them. */
	char *address = g_uri_unescape_string(value, NULL);
	g_free(card->address);
	card->address = address != NULL ? address : g_strdup(value);
	card->pref = pref;
}

/* A number that is no URI and says so is not the contact's own: see put_phone(). */
static bool is_beside(const struct property *property)
{
	const char *kind = parameter(property, "VALUE");
	return kind != NULL && g_ascii_strcasecmp(kind, "text") == 0;
}

static void take_telephone(struct card *card, const struct property *property)
{
	const char *at = property->value;
	g_autofree char *value = text_value(&at, 0);
	g_autofree char *uri = g_ascii_strncasecmp(value, "tel:", 4) == 0
	                               ? g_uri_unescape_string(value, NULL)
	                               : g_strconcat("tel:", value, NULL);
	if (card->tel == NULL && !is_beside(property) && uri != NULL &&
	        g_utf8_validate(uri, -1, NULL))
		card->tel = address_canonical(uri, NULL);
}

static void take_groups(struct card *card, const struct property *property)
{
	if (card->groups == NULL)
		card->groups = g_ptr_array_new_with_free_func(g_free);
	for (const char *at = property->value; *at != '\0';)
		g_ptr_array_add(card->groups, text_value(&at, ','));
}

static void take_property(struct card *card, const struct property *property)
{
	const struct {
		const char *name;
		char **field;
	} texts[] = {{"VERSION", &card->version}, {"KIND", &card->kind}, {"FN", &card->formatted},
	        {"X-IMEX-OWNER", &card->owner}, {"X-IMEX-MODE", &card->mode},
	        {"X-IMEX-GENERATION", &card->generation}, {"X-IMEX-TAKEN", &card->taken}};
	for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
		if (named(property, texts[i].name))
			take_text(texts[i].field, property);
	if (named(property, "N"))
		take_name(card, property);
	else if (named(property, "IMPP"))
		take_address(card, property, NULL);
	else if (named(property, "X-JABBER"))
		take_address(card, property, "xmpp:");
	else if (named(property, "X-SIP"))
		take_address(card, property, "sip:");
	else if (named(property, "TEL"))
		take_telephone(card, property);
	else if (named(property, "CATEGORIES"))
		take_groups(card, property);
	else if (named(property, "X-IMEX-NAME"))
		card->nameless = true;
}

static struct listfile *list_for(struct reading *reading, const char *owner)
{
	reading->list = listfile_new(owner);
	g_ptr_array_add(reading->lists, reading->list);
	g_hash_table_remove_all(reading->keys);
	return reading->list;
}

/* The card of a list: contacts that follow are its own. */
static void finish_list(struct reading *reading, const struct card *card, const char *what)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *owner = address_canonical(card->owner, &error);
	if (owner == NULL) {
		listfile_odd(reading->sink, what, "%s", error->message);
		return;
	}
	struct listfile *list = list_for(reading, owner);
	guint64 generation = 0;
	if (card->generation != NULL &&
	        g_ascii_string_to_unsigned(card->generation, 10, 0, G_MAXINT64, &generation, NULL))
		listfile_stamp(list, card->mode, (int64_t)generation);
	if (card->taken != NULL)
		(void)clock_parse_iso(card->taken, &list->taken_utc_us, NULL);
}

static void finish_contact(struct reading *reading, const struct card *card, const char *what)
{
	const char *address = card->address != NULL ? card->address : card->tel;
	if (address == NULL) {
		listfile_odd(reading->sink, what, "it has no IM address and no telephone number");
		return;
	}
	struct contact *contact = listfile_contact(reading->sink, what, address);
	if (contact == NULL)
		return;
	const char *name = card->formatted != NULL && card->formatted[0] != '\0' ? card->formatted
	                                                                         : card->name;
	if (!card->nameless && name != NULL && name[0] != '\0')
		contact->name = g_strdup(name);
	contact->tel_uri = g_strdup(card->tel);
	for (guint i = 0; card->groups != NULL && i < card->groups->len; i++)
		contact_add_group(contact, g_ptr_array_index(card->groups, i));
	if (reading->list == NULL)
		list_for(reading, NULL);
	listfile_take(reading->list, reading->keys, contact, reading->sink);
}

static void finish_card(struct reading *reading, const struct card *card)
{
	g_autofree char *what = g_strdup_printf("the card in line %zu", card->line);
	bool group = card->kind != NULL && g_ascii_strcasecmp(card->kind, "group") == 0;
	if (card->version != NULL && g_str_has_prefix(card->version, "2"))
		listfile_odd(reading->sink, what, "it is vCard %s: export it as version 3.0 or 4.0",
		        card->version);
	else if (reading->keys != NULL && g_hash_table_size(reading->keys) >= MAX_CONTACTS)
		listfile_odd(reading->sink, what, "the list has too many contacts");
	else if (group && card->owner != NULL)
		finish_list(reading, card, what);
	else if (!group)
		finish_contact(reading, card, what);
}

static bool refuse(size_t line, const char *why, GError **error)
{
	error_set(error, ERROR_CONFIG, "listfile.format",
	        "this is no contact list in vCard: line %zu %s", line, why);
	return false;
}

static bool read_cards(
        struct reading *reading, struct property *property, struct card *card, GError **error)
{
	bool open = false;
	while (next_line(reading, property)) {
		if (property->text->len == 0)
			continue;
		if (!g_utf8_validate(property->text->str, (gssize)property->text->len, NULL))
			return refuse(property->line, "is not UTF-8", error);
		if (!cut(property))
			return refuse(property->line, "has no colon", error);
		bool begin = named(property, "BEGIN"), end = named(property, "END");
		if ((begin || end) && g_ascii_strcasecmp(property->value, "VCARD") != 0)
			continue; /* a component inside a card */
		if (begin == open)
			return refuse(property->line,
			        open ? "begins a card inside a card" : "is outside of a card",
			        error);
		if (begin) {
			card->line = property->line;
			open = true;
		} else if (end) {
			finish_card(reading, card);
			card_clear(card);
			open = false;
		} else {
			take_property(card, property);
		}
	}
	return !open || refuse(reading->line, "is the last one, and its card has no end", error);
}

bool listfile_vcard_read(GPtrArray *lists, const char *bytes, size_t len,
        const struct listfile_sink *sink, GError **error)
{
	static const char bom[] = "\xef\xbb\xbf";
	size_t skip = len >= 3 && memcmp(bytes, bom, 3) == 0 ? 3 : 0;
	struct card card = {0};
	struct reading reading = {.lists = lists,
	        .sink = sink,
	        .at = bytes + skip,
	        .end = bytes + len,
	        .keys = g_hash_table_new(g_str_hash, g_str_equal)};
	struct property property = {.text = g_string_new(NULL), .parameters = g_ptr_array_new()};
	bool good = read_cards(&reading, &property, &card, error);
	card_clear(&card);
	g_string_free(property.text, TRUE);
	g_ptr_array_unref(property.parameters);
	g_hash_table_unref(reading.keys);
	return good;
}
