#include "archive/text.h"

#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD"

/* Bidirectional isolates (Unicode Standard Annex 9). */
#define LEFT_TO_RIGHT_ISOLATE 0x2066
#define FIRST_STRONG_ISOLATE 0x2068
#define POP_ISOLATE 0x2069

static bool is_unwanted(gunichar c)
{
	return (c < 0x20 && c != '\t' && c != '\n') || (c >= 0x7F && c <= 0x9F) ||
	       (c & 0xFFFE) == 0xFFFE;
}

/* How many bytes the ill-formed sequence at s has: the longest part that could have begun a
 * character, as the Unicode Standard recommends (chapter 3, "U+FFFD substitution"). */
static size_t ill_formed_length(const unsigned char *s, size_t left)
{
	size_t want = s[0] >= 0xF0 && s[0] <= 0xF4  ? 4
	              : s[0] >= 0xE0 && s[0] < 0xF0 ? 3
	              : s[0] >= 0xC2 && s[0] < 0xE0 ? 2
	                                            : 1;
	size_t n = 1;
	while (n < want && n < left && (s[n] & 0xC0) == 0x80) {
		if (n == 1 &&
		        ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) ||
		                (s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F)))
			break;
		n++;
	}
	return n;
}

/* Bytes from the beginning that stay as they are: most of most texts. */
static size_t plain_length(const char *bytes, size_t len)
{
	size_t n = 0;
	while (n < len && (g_ascii_isprint(bytes[n]) || bytes[n] == '\n'))
		n++;
	return n;
}

/* Takes one character or ill-formed sequence from bytes; gives its length. */
static size_t mend_one(GString *out, const char *bytes, size_t left, unsigned *mended)
{
	gunichar c = g_utf8_get_char_validated(bytes, (gssize)left);
	if (*bytes == '\0') {
		c = 0;
	} else if (c == (gunichar)-1 || c == (gunichar)-2) {
		g_string_append(out, REPLACEMENT);
		(*mended)++;
		return ill_formed_length((const unsigned char *)bytes, left);
	}
	size_t len = c == 0 ? 1 : (size_t)g_unichar_to_utf8(c, NULL);
	if (c == '\r') {
		g_string_append_c(out, '\n');
		return left > 1 && bytes[1] == '\n' ? 2 : 1;
	}
	if (is_unwanted(c)) {
		g_string_append(out, REPLACEMENT);
		(*mended)++;
	} else {
		g_string_append_len(out, bytes, (gssize)len);
	}
	return len;
}

char *text_mend(const char *bytes, size_t len, unsigned *mended)
{
	unsigned ignored = 0;
	if (bytes == NULL)
		return NULL;
	GString *out = g_string_sized_new(len);
	for (size_t at = 0; at < len;) {
		size_t plain = plain_length(bytes + at, len - at);
		g_string_append_len(out, bytes + at, (gssize)plain);
		at += plain;
		if (at < len)
			at += mend_one(
			        out, bytes + at, len - at, mended != NULL ? mended : &ignored);
	}
	return g_string_free(out, FALSE);
}

char *text_mend_line(const char *bytes, size_t len, unsigned *mended)
{
	char *line = text_mend(bytes, len, mended);
	if (line == NULL)
		return NULL;
	/* Line and paragraph separators break a header or a table row as well as a line feed. */
	for (char *p = line; *p != '\0'; p++) {
		if (*p == '\n' || *p == '\t')
			*p = ' ';
		else if (strncmp(p, "\xE2\x80\xA8", 3) == 0 || strncmp(p, "\xE2\x80\xA9", 3) == 0)
			memcpy(p, "   ", 3);
	}
	return g_strstrip(line);
}

static void append_escaped(GString *out, const char *at, size_t len)
{
	switch (*at) {
	case '&':
		g_string_append(out, "&amp;");
		break;
	case '<':
		g_string_append(out, "&lt;");
		break;
	case '>':
		g_string_append(out, "&gt;");
		break;
	case '"':
		g_string_append(out, "&quot;");
		break;
	case '\'':
		g_string_append(out, "&#39;");
		break;
	default:
		g_string_append_len(out, at, (gssize)len);
	}
}

static void close_isolates(GString *out, unsigned *open)
{
	for (; *open > 0; (*open)--)
		g_string_append(out, "\xE2\x81\xA9");
}

/* ASCII that HTML does not mind. */
static size_t harmless_length(const char *p, const char *end)
{
	const char *at = p;
	while (at < end && g_ascii_isprint(*at) && *at != '&' && *at != '<' && *at != '>' &&
	        *at != '"' && *at != '\'')
		at++;
	return (size_t)(at - p);
}

void text_html_len(GString *out, const char *text, size_t len)
{
	/* A terminator without its opener would end the isolate that <bdi> makes. */
	unsigned open = 0;
	const char *end = text + len;
	for (const char *p = text; p < end; p = g_utf8_next_char(p)) {
		size_t harmless = harmless_length(p, end);
		g_string_append_len(out, p, (gssize)harmless);
		p += harmless;
		if (p == end)
			break;
		gunichar c = g_utf8_get_char(p);
		if (c == '\n' || c == 0x2029)
			close_isolates(out, &open);
		if (c >= LEFT_TO_RIGHT_ISOLATE && c <= FIRST_STRONG_ISOLATE)
			open++;
		if (c == POP_ISOLATE && open == 0) {
			g_string_append(out, REPLACEMENT);
			continue;
		}
		if (c == POP_ISOLATE)
			open--;
		append_escaped(out, p, (size_t)(g_utf8_next_char(p) - p));
	}
	close_isolates(out, &open);
}

void text_html(GString *out, const char *text)
{
	text_html_len(out, text, strlen(text));
}

static const char *const link_schemes[] = {"http://", "https://", "mailto:", "xmpp:"};

/* Bytes of the scheme at p, 0 when there is none of ours. */
static size_t scheme_length(const char *p)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(link_schemes); i++) {
		size_t len = strlen(link_schemes[i]);
		if (g_ascii_strncasecmp(p, link_schemes[i], len) == 0)
			return len;
	}
	return 0;
}

static bool ends_link(gunichar c)
{
	return c <= 0x20 || c == '<' || c == '>' || c == '"' || c == 0xFFFD ||
	       g_unichar_isspace(c) || (c >= 0x200B && c <= 0x200F) ||
	       (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x2069) || c == 0xFEFF;
}

static unsigned count_of(const char *text, size_t len, char c)
{
	unsigned n = 0;
	for (size_t i = 0; i < len; i++)
		n += text[i] == c;
	return n;
}

/* Takes away punctuation of the sentence around the link; a bracket stays when the link opened it.
 */
static size_t trim_link(const char *link, size_t len)
{
	while (len > 0) {
		char last = link[len - 1];
		bool bracket =
		        (last == ')' && count_of(link, len, ')') > count_of(link, len, '(')) ||
		        (last == ']' && count_of(link, len, ']') > count_of(link, len, '['));
		if (!bracket && strchr(".,;:!?'*_}", last) == NULL)
			break;
		len--;
	}
	return len;
}

static size_t link_length(const char *p)
{
	size_t scheme = scheme_length(p);
	if (scheme == 0)
		return 0;
	const char *end = p + scheme;
	while (*end != '\0' && !ends_link(g_utf8_get_char(end)))
		end = g_utf8_next_char(end);
	size_t len = trim_link(p, (size_t)(end - p));
	return len > scheme && len <= TEXT_LINK_MAX_BYTES ? len : 0;
}

static bool may_begin_link(char c)
{
	return c == 'h' || c == 'm' || c == 'x' || c == 'H' || c == 'M' || c == 'X';
}

bool text_find_link(const char *text, size_t *start, size_t *len)
{
	for (const char *p = text; *p != '\0'; p++) {
		if (!may_begin_link(*p) || (p > text && g_ascii_isalnum(p[-1])))
			continue;
		*len = link_length(p);
		*start = (size_t)(p - text);
		if (*len > 0)
			return true;
	}
	return false;
}

bool text_is_link(const char *url)
{
	size_t start;
	size_t len;
	return text_find_link(url, &start, &len) && start == 0 && url[len] == '\0';
}

void text_html_run(GString *out, const char *text)
{
	g_string_append(out, "<bdi>");
	text_html(out, text);
	g_string_append(out, "</bdi>");
}

void text_html_linked(GString *out, const char *text)
{
	size_t start;
	size_t len;
	g_string_append(out, "<bdi>");
	while (text_find_link(text, &start, &len)) {
		text_html_len(out, text, start);
		/* An address runs from left to right in a line of any direction. */
		g_string_append(out, "<a dir=\"ltr\" rel=\"noopener noreferrer\" href=\"");
		text_html_len(out, text + start, len);
		g_string_append(out, "\">");
		text_html_len(out, text + start, len);
		g_string_append(out, "</a>");
		text += start + len;
	}
	text_html(out, text);
	g_string_append(out, "</bdi>");
}
