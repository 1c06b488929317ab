#include "oauth/base64.h"

#include <stdint.h>
#include <string.h>

char *base64url_encode(const void *bytes, size_t len)
{
	char *text = g_base64_encode(bytes, len);
	char *out = text;
	for (const char *in = text; *in != '\0' && *in != '='; in++)
		*out++ = *in == '+' ? '-' : *in == '/' ? '_' : *in;
	*out = '\0';
	return text;
}

static int digit_value(char c, char c62, char c63)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == c62 ? 62 : c == c63 ? 63 : -1;
}

/* Digits only; padding has been dealt with. */
static GByteArray *decode_digits(const char *text, size_t len, char c62, char c63)
{
	if (len % 4 == 1)
		return NULL;
	g_autoptr(GByteArray) out = g_byte_array_sized_new((guint)(len / 4 * 3 + 3));
	uint32_t bits = 0;
	unsigned have = 0;
	for (size_t i = 0; i < len; i++) {
		int value = digit_value(text[i], c62, c63);
		if (value < 0)
			return NULL;
		bits = bits << 6 | (uint32_t)value;
		have += 6;
		if (have >= 8) {
			have -= 8;
			guint8 byte = (guint8)(bits >> have);
			g_byte_array_append(out, &byte, 1);
			bits &= (1U << have) - 1;
		}
	}
	if (bits != 0)
		return NULL;
	g_byte_array_append(out, (const guint8 *)"", 1);
	g_byte_array_set_size(out, out->len - 1);
	return g_steal_pointer(&out);
}

GByteArray *base64url_decode(const char *text, size_t len)
{
	return len <= G_MAXINT ? decode_digits(text, len, '-', '_') : NULL;
}

GByteArray *base64_decode(const char *text, size_t len)
{
	if (len % 4 != 0 || len > G_MAXINT)
		return NULL;
	size_t digits = len;
	while (digits > 0 && len - digits < 2 && text[digits - 1] == '=')
		digits--;
	return decode_digits(text, digits, '+', '/');
}
