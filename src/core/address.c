#include "core/address.h"

#include "core/error.h"

#include <idn2.h>
#include <string.h>

static bool fail(const char *text, const char *why, GError **error)
{
	g_autofree char *shown = g_utf8_make_valid(text, MIN((gssize)strlen(text), 80));
	error_set(error, ERROR_ITEM, "address.invalid",
	        "\"%s\" is not an address (%s): correct it where it is kept", shown, why);
	return false;
}

static const char *skip_scheme(const char *text)
{
	static const char *const schemes[] = {"sip:", "sips:", "xmpp:", "smtp:", "mailto:", "im:"};
	for (unsigned i = 0; i < G_N_ELEMENTS(schemes); i++)
		if (g_ascii_strncasecmp(text, schemes[i], strlen(schemes[i])) == 0)
			return text + strlen(schemes[i]);
	return text;
}

static char *canonical_tel(const char *text, GError **error)
{
	GString *number = g_string_new("tel:");
	for (const char *at = text + strlen("tel:"); *at != '\0' && *at != ';'; at++) {
		if (g_ascii_isdigit(*at) || *at == '*' || *at == '#' ||
		        (*at == '+' && number->len == 4))
			g_string_append_c(number, *at);
		else if (strchr("-.() ", *at) == NULL) {
			g_string_free(number, TRUE);
			fail(text, "a telephone number has digits only", error);
			return NULL;
		}
	}
	if (number->len < 5) {
		g_string_free(number, TRUE);
		fail(text, "it has no digits", error);
		return NULL;
	}
	return g_string_free(number, FALSE);
}

/* Lower case and NFC; lower-casing first, because it can leave a text that is not NFC. */
static char *fold(const char *text, gssize length)
{
	g_autofree char *whole = length < 0 ? g_strdup(text) : g_strndup(text, (gsize)length);
	if (g_str_is_ascii(whole))
		return g_ascii_strdown(whole, -1);
	g_autofree char *composed = g_utf8_normalize(whole, -1, G_NORMALIZE_NFC);
	g_autofree char *lower = g_utf8_strdown(composed, -1);
	return g_utf8_normalize(lower, -1, G_NORMALIZE_NFC);
}

/* Most domains: nothing in them that libidn2 would change or refuse. */
static bool is_plain_domain(const char *folded)
{
	return folded[0] != '\0' && strlen(folded) <= 63 && g_str_is_ascii(folded) &&
	       strstr(folded, "xn--") == NULL;
}

static bool has_forbidden(const char *text)
{
	for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
		gunichar c = g_utf8_get_char(at);
		if (c <= 0x20 || g_unichar_iscntrl(c) || c == '"' || c == '<' || c == '>')
			return true;
	}
	return false;
}

static char *canonical_domain(const char *text, const char *domain, GError **error)
{
	g_autofree char *folded = fold(domain, -1);
	size_t length = strlen(folded);
	if (length > 0 && folded[length - 1] == '.')
		folded[length - 1] = '\0';
	if (is_plain_domain(folded))
		return g_steal_pointer(&folded);
	char *unicode = NULL;
	if (folded[0] == '\0' || idn2_to_unicode_8z8z(folded, &unicode, 0) != IDN2_OK) {
		fail(text, "the domain is not a host name", error);
		return NULL;
	}
	g_autofree char *owned = fold(unicode, -1);
	idn2_free(unicode);
	/* Punycode can spell anything. */
	if (has_forbidden(owned) || strpbrk(owned, "@/;?") != NULL) {
		fail(text, "the domain holds a character that no host name may hold", error);
		return NULL;
	}
	return g_steal_pointer(&owned);
}

char *address_canonical(const char *text, GError **error)
{
	g_autofree char *stripped = g_strstrip(g_strdup(text));
	size_t length = strlen(stripped);
	if (length == 0 || length > ADDRESS_MAX_BYTES || !g_utf8_validate(stripped, -1, NULL)) {
		fail(text, length == 0 ? "it is empty" : "it is too long or not UTF-8", error);
		return NULL;
	}
	if (g_ascii_strncasecmp(stripped, "tel:", 4) == 0)
		return canonical_tel(stripped, error);
	g_autofree char *bare = g_strdup(skip_scheme(stripped));
	if (skip_scheme(bare) != bare || g_ascii_strncasecmp(bare, "tel:", 4) == 0) {
		fail(text, "one scheme stands before another", error);
		return NULL;
	}
	char *at = strchr(bare, '@');
	/* A resource or URI parameters can only follow the domain: "/" and ";" are legal before it.
	 */
	bare[strcspn(at != NULL ? at : bare, "/;?") + (size_t)((at != NULL ? at : bare) - bare)] =
	        '\0';
	if (bare[0] == '\0' || has_forbidden(bare)) {
		fail(text, "it holds a character that no address may hold", error);
		return NULL;
	}
	if (at == NULL)
		return canonical_domain(text, bare, error);
	if (at == bare || strchr(at + 1, '@') != NULL) {
		fail(text, "it is not of the form name@domain", error);
		return NULL;
	}
	g_autofree char *domain = canonical_domain(text, at + 1, error);
	if (domain == NULL)
		return NULL;
	g_autofree char *local = fold(bare, at - bare);
	return address_join(local, domain);
}

const char *address_domain(const char *canonical)
{
	const char *at = strchr(canonical, '@');
	return at != NULL ? at + 1 : canonical;
}

char *address_local_part(const char *canonical)
{
	const char *at = strchr(canonical, '@');
	return at != NULL ? g_strndup(canonical, (gsize)(at - canonical)) : NULL;
}

bool address_is_tel(const char *canonical)
{
	return g_str_has_prefix(canonical, "tel:");
}

char *address_join(const char *local, const char *domain)
{
	return g_strconcat(local, "@", domain, NULL);
}

/* Small letters, digits and hyphens in labels that libidn2 leaves as they are. */
static bool is_host_name(const char *domain)
{
	size_t label = 0;
	for (const char *p = domain; *p != '\0'; p++) {
		bool inner = label > 0 && p[1] != '.' && p[1] != '\0';
		if (*p == '.' ? label == 0
		              : !g_ascii_islower(*p) && !g_ascii_isdigit(*p) &&
		                        (*p != '-' || !inner))
			return false;
		label = *p == '.' ? 0 : label + 1;
	}
	return label > 0 && is_plain_domain(domain);
}

char *address_domain_ascii(const char *domain, GError **error)
{
	char *ascii = NULL;
	if (is_host_name(domain))
		return g_strdup(domain);
	if (idn2_to_ascii_8z(domain, &ascii, IDN2_NONTRANSITIONAL) != IDN2_OK) {
		fail(domain, "it is not a host name", error);
		return NULL;
	}
	char *owned = g_ascii_strdown(ascii, -1);
	idn2_free(ascii);
	return owned;
}
