#include "wire/xml_chars.h"

/* How long a sequence with this first byte is, and the range of its second byte (RFC 3629, 4). */
static int shape(unsigned char first, unsigned char *low, unsigned char *high)
{
	*low = 0x80;
	*high = 0xBF;
	if (first < 0xC2)
		return 0;
	if (first < 0xE0)
		return 2;
	if (first < 0xF0) {
		if (first == 0xE0)
			*low = 0xA0;
		if (first == 0xED)
			*high = 0x9F;
		return 3;
	}
	if (first == 0xF0)
		*low = 0x90;
	if (first == 0xF4)
		*high = 0x8F;
	return first <= 0xF4 ? 4 : 0;
}

int xml_sequence(const unsigned char *p, const unsigned char *end)
{
	unsigned char low, high;
	int len = shape(p[0], &low, &high);

	if (len == 0)
		return -1;
	for (int i = 1; i < len; i++) {
		if (p + i == end)
			return 0;
		if (p[i] < low || p[i] > high)
			return -i;
		low = 0x80;
		high = 0xBF;
	}
	/* U+FFFE and U+FFFF are well-formed UTF-8 and still no characters of XML. */
	if (len == 3 && p[0] == 0xEF && p[1] == 0xBF && p[2] >= 0xBE)
		return -3;
	return len;
}

size_t xml_char_put(uint32_t code, char *out)
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xC0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3F));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xE0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3F));
		out[2] = (char)(0x80 | (code & 0x3F));
		return 3;
	}
	out[0] = (char)(0xF0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3F));
	out[2] = (char)(0x80 | (code >> 6 & 0x3F));
	out[3] = (char)(0x80 | (code & 0x3F));
	return 4;
}
