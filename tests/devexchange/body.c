/* Bodies between HTML and text. */
#include "fid.h"
#include "mime.h"

#include <string.h>

static const struct {
	const char *entity;
	gunichar c;
} entities[] = {
        {"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}, {"nbsp", ' '}};

/* p is at '&'; returns where reading goes on. */
static const char *take_entity(GString *out, const char *p)
{
	const char *end = strchr(p, ';');

	if (end == NULL || end - p > 12)
		goto plain;
	if (p[1] == '#') {
		bool hex = p[2] == 'x' || p[2] == 'X';
		gunichar c = (gunichar)g_ascii_strtoull(p + (hex ? 3 : 2), NULL, hex ? 16 : 10);
		if (c == 0 || !g_unichar_validate(c))
			goto plain;
		g_string_append_unichar(out, c);
		return end + 1;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(entities); i++)
		if (strlen(entities[i].entity) == (size_t)(end - p - 1) &&
		        strncmp(p + 1, entities[i].entity, (size_t)(end - p - 1)) == 0) {
			g_string_append_unichar(out, entities[i].c);
			return end + 1;
		}
plain:
	g_string_append_c(out, '&');
	return p + 1;
}

static bool tag_is(const char *tag, const char *name)
{
	size_t n = strlen(name);

	return g_ascii_strncasecmp(tag, name, n) == 0 && !g_ascii_isalnum(tag[n]);
}

/* p is at '<'; returns where reading goes on. */
static const char *take_tag(GString *out, const char *p)
{
	static const char *const breaking[] = {
	        "br", "/p", "/div", "/li", "/tr", "/h1", "/h2", "/h3"};
	static const char *const hidden[] = {"style", "script", "head"};
	const char *end = strchr(p, '>');

	if (end == NULL)
		return p + strlen(p);
	for (size_t i = 0; i < G_N_ELEMENTS(breaking); i++)
		if (tag_is(p + 1, breaking[i]))
			g_string_append_c(out, '\n');
	for (size_t i = 0; i < G_N_ELEMENTS(hidden); i++)
		if (tag_is(p + 1, hidden[i])) {
			char close[16];
			g_snprintf(close, sizeof close, "</%s", hidden[i]);
			const char *stop = p;
			while (*stop != '\0' &&
			        g_ascii_strncasecmp(stop, close, strlen(close)) != 0)
				stop++;
			const char *after = strchr(stop, '>');
			return after != NULL ? after + 1 : stop + strlen(stop);
		}
	return end + 1;
}

char *html_to_text(const char *html)
{
	GString *out = g_string_new(NULL);
	const char *p = html;

	while (*p != '\0') {
		if (*p == '<') {
			p = take_tag(out, p);
		} else if (*p == '&') {
			p = take_entity(out, p);
		} else if (g_ascii_isspace(*p)) {
			if (out->len > 0 && !g_ascii_isspace(out->str[out->len - 1]))
				g_string_append_c(out, ' ');
			p++;
		} else {
			g_string_append_c(out, *p++);
		}
	}
	return g_string_free(out, FALSE);
}

char *text_to_html(const char *text)
{
	GString *out = g_string_new("<html><head><meta http-equiv=\"Content-Type\" "
	                            "content=\"text/html; charset=utf-8\"></head><body>");

	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '<')
			g_string_append(out, "&lt;");
		else if (*p == '>')
			g_string_append(out, "&gt;");
		else if (*p == '&')
			g_string_append(out, "&amp;");
		else if (*p == '\n')
			g_string_append(out, "<br>\r\n");
		else if (*p != '\r')
			g_string_append_c(out, *p);
	}
	g_string_append(out, "</body></html>");
	return g_string_free(out, FALSE);
}

char *body_in_form(const struct item *item, enum body_form form, bool *html)
{
	const char *body = props_get(item->props, FID_BODY);
	const char *type = props_get(item->props, FID_BODY_TYPE);
	bool have_html = type != NULL && strcmp(type, "HTML") == 0;

	if (body == NULL)
		body = "";
	*html = form == BODY_BEST ? have_html : form == BODY_HTML;
	if (*html && !have_html)
		return text_to_html(body);
	if (!*html && have_html)
		return html_to_text(body);
	return g_strdup(body);
}
