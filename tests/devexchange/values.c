/* Values: types, times, people. */
#include "props.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

char *time_format(int64_t utc_s)
{
	GDateTime *t = g_date_time_new_from_unix_utc(utc_s);
	char *text = t != NULL ? g_date_time_format(t, "%Y-%m-%dT%H:%M:%SZ") : NULL;

	if (t != NULL)
		g_date_time_unref(t);
	return text;
}

/* g_date_time_new_from_iso8601() takes more shapes than xs:dateTime; the first 11 bytes do not. */
bool time_parse(const char *text, int64_t *utc_s)
{
	static const char shape[] = "dddd-dd-ddT";

	for (size_t i = 0; shape[i] != '\0'; i++)
		if (shape[i] == 'd' ? !g_ascii_isdigit(text[i]) : text[i] != shape[i])
			return false;
	GTimeZone *utc = g_time_zone_new_utc();
	GDateTime *t = g_date_time_new_from_iso8601(text, utc);
	g_time_zone_unref(utc);
	if (t == NULL)
		return false;
	*utc_s = g_date_time_to_unix(t);
	g_date_time_unref(t);
	return true;
}

static char *canonical_integer(const char *text, int64_t low, int64_t high)
{
	char *end;

	errno = 0;
	gint64 v = g_ascii_strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || v < low || v > high)
		return NULL;
	return g_strdup_printf("%" G_GINT64_FORMAT, v);
}

static char *canonical_float(const char *text)
{
	char *end, buffer[G_ASCII_DTOSTR_BUF_SIZE];
	double v = g_ascii_strtod(text, &end);

	if (end == text || *end != '\0' || !isfinite(v))
		return NULL;
	return g_strdup(g_ascii_dtostr(buffer, sizeof buffer, v));
}

static char *canonical_binary(const char *text)
{
	gsize length;
	char *compact = g_strdup(text);

	/* xs:base64Binary allows white space between the letters. */
	char *to = compact;
	for (const char *p = compact; *p != '\0'; p++)
		if (!g_ascii_isspace(*p)) {
			if (!g_ascii_isalnum(*p) && strchr("+/=", *p) == NULL) {
				g_free(compact);
				return NULL;
			}
			*to++ = *p;
		}
	*to = '\0';
	if (strlen(compact) % 4 != 0) {
		g_free(compact);
		return NULL;
	}
	guchar *bytes = g_base64_decode(compact, &length);
	g_free(compact);
	char *again = g_base64_encode(bytes, length);
	g_free(bytes);
	return again;
}

char *value_canonical(enum prop_type type, const char *text)
{
	int64_t when;

	switch (type) {
	case PT_BOOL:
		if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0)
			return g_strdup("true");
		if (strcmp(text, "false") == 0 || strcmp(text, "0") == 0)
			return g_strdup("false");
		return NULL;
	case PT_INT:
	case PT_ERROR:
		return canonical_integer(text, INT32_MIN, INT32_MAX);
	case PT_SHORT:
		return canonical_integer(text, INT16_MIN, INT16_MAX);
	case PT_LONG:
	case PT_CURRENCY:
		return canonical_integer(text, INT64_MIN, INT64_MAX);
	case PT_FLOAT:
	case PT_DOUBLE:
	case PT_APPTIME:
		return canonical_float(text);
	case PT_TIME:
		return time_parse(text, &when) ? time_format(when) : NULL;
	case PT_BINARY:
		return canonical_binary(text);
	case PT_GUID:
		return g_uuid_string_is_valid(text) ? g_ascii_strdown(text, -1) : NULL;
	case PT_STRING:
		return g_strdup(text);
	case PT_NULL:
	case PT_OBJECT:
	case PT_TYPES:
		break;
	}
	return NULL;
}

static int compare_numbers(double a, double b)
{
	return (a > b) - (a < b);
}

int value_compare(enum prop_type type, const char *a, const char *b)
{
	switch (type) {
	case PT_INT:
	case PT_SHORT:
	case PT_LONG:
	case PT_CURRENCY:
	case PT_ERROR: {
		int64_t x = g_ascii_strtoll(a, NULL, 10), y = g_ascii_strtoll(b, NULL, 10);
		return (x > y) - (x < y);
	}
	case PT_FLOAT:
	case PT_DOUBLE:
	case PT_APPTIME:
		return compare_numbers(g_ascii_strtod(a, NULL), g_ascii_strtod(b, NULL));
	case PT_STRING: {
		/* The store compares text without case, as its collation does. */
		char *x = g_utf8_casefold(a, -1), *y = g_utf8_casefold(b, -1);
		int order = strcmp(x, y);
		g_free(x);
		g_free(y);
		return order;
	}
	case PT_BOOL:
	case PT_TIME:
	case PT_BINARY:
	case PT_GUID:
	case PT_NULL:
	case PT_OBJECT:
	case PT_TYPES:
		break;
	}
	return strcmp(a, b);
}

char *person_encode(const struct person *p)
{
	return g_strjoin("\x1f", p->name != NULL ? p->name : "",
	        p->address != NULL ? p->address : "", p->routing != NULL ? p->routing : "SMTP",
	        p->type != NULL ? p->type : "", NULL);
}

struct person person_decode(const char *text)
{
	char **part = g_strsplit(text, "\x1f", 4);
	struct person p = {0};

	if (g_strv_length(part) == 4) {
		p.name = g_strdup(part[0]);
		p.address = g_strdup(part[1]);
		p.routing = g_strdup(part[2]);
		p.type = g_strdup(part[3]);
	}
	g_strfreev(part);
	return p;
}

void person_clear(struct person *p)
{
	g_free(p->name);
	g_free(p->address);
	g_free(p->routing);
	g_free(p->type);
	*p = (struct person){0};
}

char *person_from_node(const struct xml_node *mailbox)
{
	const char *name = xml_child_text(mailbox, "Name");
	const char *address = xml_child_text(mailbox, "EmailAddress");
	const char *routing = xml_child_text(mailbox, "RoutingType");
	const char *type = xml_child_text(mailbox, "MailboxType");
	char *joined = g_strjoin("\x1f",
	        name != NULL      ? name
	        : address != NULL ? address
	                          : "",
	        address != NULL ? address : "", routing != NULL ? routing : "SMTP",
	        type != NULL ? type : "OneOff", NULL);

	return joined;
}
