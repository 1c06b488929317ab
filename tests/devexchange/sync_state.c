#include "sync_state.h"

#include <string.h>

#define MAGIC 0xD5

void sync_state_init(struct sync_state *s, char kind, const struct folder *folder)
{
	*s = (struct sync_state){.kind = kind,
	        .guid = folder->mailbox->guid,
	        .moves = folder->mailbox->moves,
	        .folder = folder->id};
	s->given = g_array_new(FALSE, FALSE, sizeof(struct id_range));
}

bool sync_state_fits(const struct sync_state *s, char kind, const struct folder *folder)
{
	return s->kind == kind && s->guid == folder->mailbox->guid &&
	       s->moves == folder->mailbox->moves && s->folder == folder->id;
}

void sync_state_clear(struct sync_state *s)
{
	if (s->given != NULL)
		g_array_free(s->given, TRUE);
}

/* Numbers of seven bits a byte, least significant first. */
static void put(GByteArray *out, uint64_t v)
{
	do {
		guint8 byte = (guint8)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
		g_byte_array_append(out, &byte, 1);
		v >>= 7;
	} while (v > 0);
}

static bool get(const guchar **p, const guchar *end, uint64_t *v)
{
	*v = 0;
	for (unsigned shift = 0; *p < end && shift < 64; shift += 7) {
		guchar byte = *(*p)++;
		*v |= (uint64_t)(byte & 0x7f) << shift;
		if ((byte & 0x80) == 0)
			return true;
	}
	return false;
}

char *sync_state_format(const struct sync_state *s)
{
	GByteArray *out = g_byte_array_new();
	uint64_t before = 0;

	put(out, MAGIC);
	put(out, (uint64_t)(unsigned char)s->kind);
	put(out, s->guid);
	put(out, s->moves);
	put(out, s->folder);
	put(out, s->first_pass);
	put(out, s->below);
	put(out, s->mod);
	put(out, s->given->len);
	for (guint i = 0; i < s->given->len; i++) {
		struct id_range r = g_array_index(s->given, struct id_range, i);
		put(out, r.first - before);
		put(out, r.last - r.first);
		before = r.last;
	}
	put(out, checksum32(out->data, out->len));
	char *text = g_base64_encode(out->data, out->len);
	g_byte_array_free(out, TRUE);
	return text;
}

static bool parse_ranges(struct sync_state *s, const guchar **p, const guchar *end, uint64_t n)
{
	uint64_t before = 0, gap, span;

	for (uint64_t i = 0; i < n; i++) {
		if (!get(p, end, &gap) || !get(p, end, &span))
			return false;
		struct id_range r = {before + gap, before + gap + span};
		g_array_append_val(s->given, r);
		before = r.last;
	}
	return true;
}

bool sync_state_parse(const char *text, struct sync_state *s)
{
	gsize length;
	guchar *bytes = g_base64_decode(text, &length);
	const guchar *p = bytes, *end = bytes + length, *body;
	uint64_t magic, kind, folder, first, n, sum;

	*s = (struct sync_state){.given = g_array_new(FALSE, FALSE, sizeof(struct id_range))};
	bool ok = get(&p, end, &magic) && magic == MAGIC && get(&p, end, &kind) &&
	          get(&p, end, &s->guid) && get(&p, end, &s->moves) && get(&p, end, &folder) &&
	          get(&p, end, &first) && get(&p, end, &s->below) && get(&p, end, &s->mod) &&
	          get(&p, end, &n) && parse_ranges(s, &p, end, n);
	body = p;
	ok = ok && get(&p, end, &sum) && p == end &&
	     sum == checksum32(bytes, (size_t)(body - bytes));
	if (ok) {
		s->kind = (char)kind;
		s->folder = (uint32_t)folder;
		s->first_pass = first != 0;
	} else {
		sync_state_clear(s);
		s->given = NULL;
	}
	g_free(bytes);
	return ok;
}

/* The first range that ends at or after the ordinal. */
static guint search(const GArray *given, uint64_t ordinal)
{
	guint low = 0, high = given->len;

	while (low < high) {
		guint mid = (low + high) / 2;
		if (g_array_index(given, struct id_range, mid).last < ordinal)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool sync_state_has(const struct sync_state *s, uint64_t ordinal)
{
	guint at = search(s->given, ordinal);

	return at < s->given->len && g_array_index(s->given, struct id_range, at).first <= ordinal;
}

void sync_state_give(struct sync_state *s, uint64_t ordinal)
{
	if (sync_state_has(s, ordinal))
		return;
	guint at = search(s->given, ordinal);
	struct id_range *next =
	        at < s->given->len ? &g_array_index(s->given, struct id_range, at) : NULL;
	struct id_range *before = at > 0 ? &g_array_index(s->given, struct id_range, at - 1) : NULL;
	bool joins_next = next != NULL && next->first == ordinal + 1;

	if (before != NULL && before->last + 1 == ordinal) {
		before->last = joins_next ? next->last : ordinal;
		if (joins_next)
			g_array_remove_index(s->given, at);
	} else if (joins_next) {
		next->first = ordinal;
	} else {
		struct id_range r = {ordinal, ordinal};
		g_array_insert_val(s->given, at, r);
	}
}
