#include "ids.h"

#include "habits.h"

#include <string.h>

/* These bytes make ids begin with AAMk and AAQk, as readers of logs are used to. */
static const unsigned char item_prefix[3] = {0x00, 0x03, 0x24};
static const unsigned char persona_prefix[3] = {0x00, 0x04, 0x24};

#define ID_BYTES 36
#define KEY_BYTES 27

uint32_t checksum32(const void *bytes, size_t length)
{
	const unsigned char *p = bytes;
	uint32_t hash = 2166136261u; /* FNV-1a: it finds slips of the pen, not forgeries */

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ p[i]) * 16777619u;
	return hash;
}

static void put64(unsigned char *at, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		at[i] = (unsigned char)(v >> (56 - 8 * i));
}

static uint64_t get64(const unsigned char *at)
{
	uint64_t v = 0;
	for (int i = 0; i < 8; i++)
		v = v << 8 | at[i];
	return v;
}

static void put32(unsigned char *at, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		at[i] = (unsigned char)(v >> (24 - 8 * i));
}

static uint32_t get32(const unsigned char *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void to_base64(char text[ID_TEXT_MAX], const unsigned char *bytes, size_t n)
{
	int state = 0, save = 0;
	gsize length = g_base64_encode_step(bytes, n, FALSE, text, &state, &save);
	length += g_base64_encode_close(FALSE, text + length, &state, &save);
	text[length] = '\0';
}

static bool from_base64(const char *text, unsigned char *bytes, size_t max, size_t *n)
{
	int state = 0;
	guint save = 0;
	size_t length = strlen(text);

	if (length % 4 != 0 || length / 4 * 3 > max + 2)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!g_ascii_isalnum(text[i]) && text[i] != '+' && text[i] != '/' &&
		        !(text[i] == '=' && i + 2 >= length))
			return false;
	*n = g_base64_decode_step(text, length, bytes, &state, &save);
	return *n <= max;
}

void id_format(char text[ID_TEXT_MAX], const struct object_id *id)
{
	unsigned char b[ID_BYTES] = {0};

	memcpy(b, id->kind == ID_PERSONA ? persona_prefix : item_prefix, 3);
	b[3] = (unsigned char)id->kind;
	put64(b + 8, id->mailbox);
	put64(b + 16, id->number);
	put64(b + 24, id->part);
	put32(b + 32, checksum32(b, 32));
	to_base64(text, b, sizeof b);
}

const char *id_parse(const char *text, struct object_id *id)
{
	unsigned char b[ID_BYTES + 3];
	size_t n;

	if (text == NULL || *text == '\0')
		return "ErrorInvalidIdEmpty";
	if (!from_base64(text, b, sizeof b, &n) || n != ID_BYTES ||
	        get32(b + 32) != checksum32(b, 32))
		return "ErrorInvalidIdMalformed";
	id->kind = b[3];
	id->mailbox = get64(b + 8);
	id->number = get64(b + 16);
	id->part = get64(b + 24);
	return NULL;
}

void item_id_text(char text[ID_TEXT_MAX], const struct item *item)
{
	id_format(text, &(struct object_id){.kind = ID_ITEM,
	                        .mailbox = item->folder->mailbox->guid,
	                        .number = item->id});
}

void folder_id_text(char text[ID_TEXT_MAX], const struct folder *folder)
{
	id_format(text,
	        &(struct object_id){
	                .kind = ID_FOLDER, .mailbox = folder->mailbox->guid, .number = folder->id});
}

void change_key_text(char text[ID_TEXT_MAX], uint64_t guid, char kind, uint64_t mod)
{
	unsigned char b[KEY_BYTES] = {0};

	b[0] = (unsigned char)kind;
	b[4] = 0x16;
	put64(b + 8, guid);
	put64(b + 16, mod);
	b[24] = (unsigned char)checksum32(b, 24);
	to_base64(text, b, sizeof b);
}

const char *change_key_parse(const char *text, uint64_t *mod)
{
	unsigned char b[KEY_BYTES + 3];
	size_t n;

	if (!from_base64(text, b, sizeof b, &n))
		return "ErrorInvalidChangeKey";
	/* The Im* operations hand out the short form, which names no change. */
	if (n == 4 && b[1] == 0 && b[2] == 0 && b[3] == 0) {
		*mod = 0;
		return NULL;
	}
	if (n != KEY_BYTES || b[4] != 0x16 || b[24] != (unsigned char)checksum32(b, 24))
		return "ErrorInvalidChangeKey";
	*mod = get64(b + 16);
	return NULL;
}

char item_key_kind(const struct item *item)
{
	static const char kinds[ITEM_KINDS] = {0x11, 0x09, 0x12, 0x0F};
	return kinds[item->kind];
}

static void id_write(GString *out, const char *tag, const char *id, const char *key)
{
	g_string_append_printf(out, "<%s Id=\"%s\" ChangeKey=\"%s\"/>", tag, id, key);
}

void item_id_write(GString *out, const char *tag, const struct item *item)
{
	char id[ID_TEXT_MAX], key[ID_TEXT_MAX];

	item_id_text(id, item);
	change_key_text(key, item->folder->mailbox->guid, item_key_kind(item), item->mod);
	id_write(out, tag, id, key);
}

void parent_id_write(GString *out, const struct folder *folder)
{
	char id[ID_TEXT_MAX];

	if (!grommunio()) {
		folder_id_write(out, "t:ParentFolderId", folder);
		return;
	}
	folder_id_text(id, folder);
	g_string_append_printf(out, "<t:ParentFolderId Id=\"%s\"/>", id);
}

void folder_id_write(GString *out, const char *tag, const struct folder *folder)
{
	char id[ID_TEXT_MAX], key[ID_TEXT_MAX];

	folder_id_text(id, folder);
	change_key_text(key, folder->mailbox->guid, 0x01, folder->mod);
	id_write(out, tag, id, key);
}
