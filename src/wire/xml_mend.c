#include "wire/xml_mend.h"

#include "wire/xml_chars.h"
#include <glib.h>
#include <string.h>

/* Where in the document we are: references count in TEXT only (tags included). */
enum mode { MODE_TEXT, MODE_CDATA, MODE_COMMENT, MODE_PI };

/* What we are in the middle of. Bytes of a MARK pass on at once; those of a reference wait. */
enum step {
	STEP_NONE,
	STEP_MARK, /* after "<!" and some of "[CDATA[" */
	STEP_DASH, /* after "<!-" */
	STEP_PAIR, /* after a reference to a high surrogate, its other half may follow */
	STEP_AMPERSAND, /* after "&" */
	STEP_HASH, /* after "&#" */
	STEP_HEX_BEGIN, /* after "&#x" */
	STEP_HEX, /* after "&#x1" */
	STEP_DECIMAL, /* after "&#1" */
};

static const char cdata_mark[] = "[CDATA[";
#define CODE_TOO_LARGE 0x110000u
/* Of a reference that turns out malformed, enough to stay malformed. */
#define RAW_LEN 16

struct xml_mend {
	enum mode mode;
	enum step step;
	size_t matched; /* STEP_MARK: of cdata_mark */
	uint32_t code; /* of the reference so far */
	uint32_t high; /* high surrogate waiting for its other half, or 0 */
	char raw[RAW_LEN];
	size_t raw_len;
	unsigned char held[4]; /* the start of a UTF-8 sequence */
	size_t held_len;
	unsigned char tail[2]; /* the last two bytes within this mode, before this chunk */
	uint64_t count;
	GString *out;
	/* Of the call under way. */
	const unsigned char *p, *end;
	const unsigned char *span; /* what was not copied to out yet */
	const unsigned char *mode_start; /* this mode's first byte in this chunk */
};

/* Bytes at which the scan stops: bit 0 in MODE_TEXT, bit 1 in the other modes. */
static unsigned char stops[256];

static void stops_init(void)
{
	static gsize done;

	if (!g_once_init_enter(&done))
		return;
	for (unsigned c = 0; c < 256; c++) {
		if (c >= 0x80 || !xml_char_legal(c))
			stops[c] = 1 | 2;
	}
	stops['&'] |= 1;
	/* Rarer than '<', and they tell as well where CDATA, comments and PIs begin. */
	stops['!'] |= 1;
	stops['?'] |= 1;
	stops['>'] |= 2;
	g_once_init_leave(&done, 1);
}

struct xml_mend *xml_mend_new(void)
{
	struct xml_mend *mend = g_new0(struct xml_mend, 1);

	stops_init();
	mend->out = g_string_new(NULL);
	return mend;
}

void xml_mend_free(struct xml_mend *mend)
{
	if (mend == NULL)
		return;
	g_string_free(mend->out, TRUE);
	g_free(mend);
}

void xml_mend_reset(struct xml_mend *mend)
{
	GString *out = mend->out;
	uint64_t count = mend->count;

	*mend = (struct xml_mend){.out = out, .count = count};
}

uint64_t xml_mend_count(const struct xml_mend *mend)
{
	return mend->count;
}

static void put(struct xml_mend *mend, const void *bytes, size_t len)
{
	g_string_append_len(mend->out, bytes, (gssize)len);
}

static void put_replacement(struct xml_mend *mend)
{
	put(mend, XML_REPLACEMENT, XML_REPLACEMENT_LEN);
	mend->count++;
}

/* Copies what has passed up to p; what follows is written by the caller or withheld. */
static void cut(struct xml_mend *mend)
{
	put(mend, mend->span, (size_t)(mend->p - mend->span));
	mend->span = mend->p;
}

/* Leaves len bytes out. */
static void skip(struct xml_mend *mend, size_t len)
{
	mend->p += len;
	mend->span = mend->p;
}

static void enter(struct xml_mend *mend, enum mode mode)
{
	mend->mode = mode;
	mend->step = STEP_NONE;
	mend->mode_start = mend->p;
	mend->tail[0] = mend->tail[1] = 0;
}

/* The byte `back` places before p, within this mode; 0 when there is none. */
static unsigned char before(const struct xml_mend *mend, size_t back)
{
	size_t here = (size_t)(mend->p - mend->mode_start);

	if (here >= back)
		return *(mend->p - back);
	return mend->tail[2 - (back - here)];
}

static void remember_tail(struct xml_mend *mend)
{
	unsigned char last = before(mend, 1);

	mend->tail[0] = before(mend, 2);
	mend->tail[1] = last;
}

/* A high surrogate whose other half did not come. */
static void settle_pair(struct xml_mend *mend)
{
	if (mend->high != 0)
		put_replacement(mend);
	mend->high = 0;
}

static bool is_high(uint32_t code)
{
	return code >= 0xD800 && code <= 0xDBFF;
}

static bool is_low(uint32_t code)
{
	return code >= 0xDC00 && code <= 0xDFFF;
}

/* The reference that was withheld is complete. */
static void reference_done(struct xml_mend *mend)
{
	char text[16];

	mend->step = STEP_NONE;
	if (mend->high != 0 && is_low(mend->code)) {
		uint32_t code = 0x10000 + ((mend->high - 0xD800) << 10) + (mend->code - 0xDC00);

		put(mend, text, xml_char_put(code, text));
		mend->high = 0;
		mend->count++;
		return;
	}
	settle_pair(mend);
	if (is_high(mend->code)) {
		mend->high = mend->code;
		mend->step = STEP_PAIR;
	} else if (!xml_char_legal(mend->code)) {
		put_replacement(mend);
	} else if (mend->raw_len < RAW_LEN) {
		put(mend, mend->raw, mend->raw_len);
	} else {
		/* Hundreds of leading zeros; they were not kept. */
		put(mend, text, (size_t)g_snprintf(text, sizeof(text), "&#%u;", mend->code));
	}
}

/* It is no reference after all: let the parser see it as it was. */
static void reference_broken(struct xml_mend *mend)
{
	settle_pair(mend);
	put(mend, mend->raw, mend->raw_len);
	mend->step = STEP_NONE;
}

/* Adds a digit; false when the byte is none of that base. */
static bool reference_digit(struct xml_mend *mend, unsigned char c, uint32_t base)
{
	int digit = g_ascii_xdigit_value((char)c);

	if (digit < 0 || (uint32_t)digit >= base)
		return false;
	if (mend->code < CODE_TOO_LARGE)
		mend->code = mend->code * base + (uint32_t)digit;
	return true;
}

/* One byte of a reference; false when it does not belong to it. */
static bool reference_byte(struct xml_mend *mend, unsigned char c)
{
	switch (mend->step) {
	case STEP_AMPERSAND:
		mend->step = STEP_HASH;
		return c == '#';
	case STEP_HASH:
		mend->code = 0;
		mend->step = c == 'x' ? STEP_HEX_BEGIN : STEP_DECIMAL;
		return c == 'x' || reference_digit(mend, c, 10);
	case STEP_HEX_BEGIN:
		mend->step = STEP_HEX;
		return reference_digit(mend, c, 16);
	case STEP_HEX:
		return c == ';' || reference_digit(mend, c, 16);
	case STEP_DECIMAL:
		return c == ';' || reference_digit(mend, c, 10);
	case STEP_NONE:
	case STEP_MARK:
	case STEP_DASH:
	case STEP_PAIR:
		break;
	}
	g_assert_not_reached();
}

/* The steps in which bytes are withheld: nothing of them is in the span. */
static void withheld_step(struct xml_mend *mend)
{
	unsigned char c = *mend->p;

	if (mend->step == STEP_PAIR) {
		mend->step = STEP_NONE;
		if (c != '&') {
			settle_pair(mend);
			return;
		}
		mend->step = STEP_AMPERSAND;
		mend->raw[0] = '&';
		mend->raw_len = 1;
		skip(mend, 1);
		return;
	}
	bool ends = c == ';' && (mend->step == STEP_HEX || mend->step == STEP_DECIMAL);

	if (!reference_byte(mend, c)) {
		reference_broken(mend);
		return;
	}
	if (mend->raw_len < RAW_LEN)
		mend->raw[mend->raw_len++] = (char)c;
	skip(mend, 1);
	if (ends)
		reference_done(mend);
}

/* After "<!": a comment, a CDATA section or something else. */
static void mark_step(struct xml_mend *mend)
{
	char c = (char)*mend->p;

	if (mend->step == STEP_DASH) {
		mend->step = STEP_NONE;
		if (c == '-') {
			mend->p++;
			enter(mend, MODE_COMMENT);
		}
		return;
	}
	if (mend->matched == 0 && c == '-') {
		mend->step = STEP_DASH;
		mend->p++;
		return;
	}
	if (c != cdata_mark[mend->matched]) {
		mend->step = STEP_NONE;
		return;
	}
	mend->p++;
	if (cdata_mark[++mend->matched] == '\0')
		enter(mend, MODE_CDATA);
}

/* A reference that lies wholly in this chunk and is fine, or none at all: p moves past it. */
static bool reference_passes(struct xml_mend *mend)
{
	const unsigned char *p = mend->p + 1;
	uint32_t base = 10, code = 0;

	if (p == mend->end)
		return false;
	if (*p != '#') {
		mend->p++;
		return true;
	}
	if (++p < mend->end && *p == 'x') {
		base = 16;
		p++;
	}
	const unsigned char *digits = p;

	for (; p < mend->end && p - digits < 8; p++) {
		int digit = g_ascii_xdigit_value((char)*p);

		if (digit < 0 || (uint32_t)digit >= base)
			break;
		code = code * base + (uint32_t)digit;
	}
	if (p == mend->end || p == digits || *p != ';' || !xml_char_legal(code))
		return false;
	mend->p = p + 1;
	return true;
}

static void ampersand(struct xml_mend *mend)
{
	if (reference_passes(mend))
		return;
	cut(mend);
	skip(mend, 1);
	mend->step = STEP_AMPERSAND;
	mend->raw[0] = '&';
	mend->raw_len = 1;
}

static void mode_ends(struct xml_mend *mend)
{
	unsigned char last = before(mend, 1), last_but_one = before(mend, 2);
	bool ends = (mend->mode == MODE_CDATA && last == ']' && last_but_one == ']') ||
	            (mend->mode == MODE_COMMENT && last == '-' && last_but_one == '-') ||
	            (mend->mode == MODE_PI && last == '?');

	mend->p++;
	if (ends)
		enter(mend, MODE_TEXT);
}

/* Bytes from 0x80 on, as many as follow each other. */
static void multibyte(struct xml_mend *mend)
{
	do {
		int len = xml_sequence(mend->p, mend->end);

		if (len > 0) {
			mend->p += len;
		} else if (len < 0) {
			cut(mend);
			put_replacement(mend);
			skip(mend, (size_t)-len);
		} else {
			cut(mend);
			mend->held_len = (size_t)(mend->end - mend->p);
			memcpy(mend->held, mend->p, mend->held_len);
			skip(mend, mend->held_len);
		}
	} while (mend->p < mend->end && *mend->p >= 0x80);
}

/* Completes a sequence whose start came with the chunk before. */
static void multibyte_held(struct xml_mend *mend)
{
	unsigned char whole[4];
	size_t more = MIN(sizeof(whole) - mend->held_len, (size_t)(mend->end - mend->p));

	memcpy(whole, mend->held, mend->held_len);
	memcpy(whole + mend->held_len, mend->p, more);
	int len = xml_sequence(whole, whole + mend->held_len + more);

	if (len == 0) {
		memcpy(mend->held, whole, mend->held_len + more);
		mend->held_len += more;
		skip(mend, more);
		return;
	}
	size_t used = (size_t)ABS(len);

	if (len > 0)
		put(mend, whole, used);
	else
		put_replacement(mend);
	/* What was held is always a proper start, so never less than it is used. */
	skip(mend, used - mend->held_len);
	mend->held_len = 0;
}

static void stop(struct xml_mend *mend)
{
	unsigned char c = *mend->p;

	if (c >= 0x80) {
		multibyte(mend);
	} else if (c < 0x20) {
		cut(mend);
		put_replacement(mend);
		skip(mend, 1);
	} else if (c == '&') {
		ampersand(mend);
	} else if (c == '>') {
		mode_ends(mend);
	} else {
		bool opens = before(mend, 1) == '<';

		mend->p++;
		if (opens && c == '?') {
			enter(mend, MODE_PI);
		} else if (opens) {
			mend->step = STEP_MARK;
			mend->matched = 0;
		}
	}
}

static const unsigned char *scan(
        const unsigned char *p, const unsigned char *end, unsigned char mask)
{
	while (end - p >= 8) {
		if ((stops[p[0]] | stops[p[1]] | stops[p[2]] | stops[p[3]] | stops[p[4]] |
		            stops[p[5]] | stops[p[6]] | stops[p[7]]) &
		        mask)
			break;
		p += 8;
	}
	while (p < end && !(stops[*p] & mask))
		p++;
	return p;
}

void xml_mend_feed(
        struct xml_mend *mend, const char *chunk, size_t len, const char **out, size_t *out_len)
{
	g_string_truncate(mend->out, 0);
	*out = mend->out->str;
	*out_len = 0;
	if (len == 0)
		return;
	mend->p = mend->span = mend->mode_start = (const unsigned char *)chunk;
	mend->end = mend->p + len;
	if (mend->held_len > 0)
		multibyte_held(mend);
	while (mend->p < mend->end) {
		if (mend->step >= STEP_PAIR) {
			withheld_step(mend);
		} else if (mend->step != STEP_NONE) {
			mark_step(mend);
		} else {
			mend->p = scan(mend->p, mend->end, mend->mode == MODE_TEXT ? 1 : 2);
			if (mend->p < mend->end)
				stop(mend);
		}
	}
	remember_tail(mend);
	if (mend->span == (const unsigned char *)chunk && mend->out->len == 0) {
		*out = chunk;
		*out_len = len;
		return;
	}
	cut(mend);
	*out = mend->out->str;
	*out_len = mend->out->len;
}

void xml_mend_finish(struct xml_mend *mend, const char **out, size_t *out_len)
{
	g_string_truncate(mend->out, 0);
	if (mend->step == STEP_PAIR)
		settle_pair(mend);
	else if (mend->step >= STEP_AMPERSAND)
		reference_broken(mend);
	if (mend->held_len > 0)
		put_replacement(mend);
	mend->held_len = 0;
	mend->step = STEP_NONE;
	*out = mend->out->str;
	*out_len = mend->out->len;
}
