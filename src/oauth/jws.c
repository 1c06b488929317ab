#include "oauth/jws.h"

#include "core/error.h"
#include "oauth/base64.h"

#include <stdlib.h>
#include <string.h>

void jws_free(struct jws *jws)
{
	json_decref(jws->header);
	json_decref(jws->payload);
	if (jws->signature != NULL)
		g_byte_array_unref(jws->signature);
	g_free(jws->signed_bytes);
	g_free(jws);
}

static void malformed(GError **error, const char *what)
{
	error_set(error, ERROR_ITEM, "jws.malformed",
	        "the token cannot be read (%s): a token is three parts of base64url, separated by "
	        "dots",
	        what);
}

static json_t *parse_part(const char *text, size_t len)
{
	g_autoptr(GByteArray) bytes = base64url_decode(text, len);
	json_t *object = NULL;
	if (bytes == NULL || !json_parse_limited((const char *)bytes->data, bytes->len,
	                             JWS_MAX_BYTES, JWS_MAX_DEPTH, &object, NULL))
		return NULL;
	if (!json_is_object(object))
		g_clear_pointer(&object, json_decref);
	return object;
}

struct jws *jws_parse(const char *compact, GError **error)
{
	if (strlen(compact) > JWS_MAX_BYTES) {
		malformed(error, "it is longer than 16 KiB");
		return NULL;
	}
	const char *first = strchr(compact, '.');
	const char *second = first != NULL ? strchr(first + 1, '.') : NULL;
	if (second == NULL || strchr(second + 1, '.') != NULL) {
		malformed(error, "it has not three parts");
		return NULL;
	}
	autoptr(jws) jws = g_new0(struct jws, 1);
	jws->header = parse_part(compact, (size_t)(first - compact));
	jws->payload = parse_part(first + 1, (size_t)(second - first - 1));
	jws->signature = base64url_decode(second + 1, strlen(second + 1));
	if (jws->header == NULL || jws->payload == NULL || jws->signature == NULL) {
		malformed(error, jws->header == NULL    ? "its header is no JSON object"
		                 : jws->payload == NULL ? "its claims are no JSON object"
		                                        : "its signature is not base64url");
		return NULL;
	}
	jws->signed_bytes = g_strndup(compact, (gsize)(second - compact));
	return g_steal_pointer(&jws);
}

/* The JSON text of object in base64url. Owned. */
static char *encode(json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);
	g_assert(text != NULL);
	char *encoded = base64url_encode(text, strlen(text));
	free(text);
	return encoded;
}

char *jws_sign(struct keyring *keyring, const char *x5t, json_t *payload, GError **error)
{
	json_auto_t *header =
	        json_pack("{s:s, s:s, s:s}", "typ", "JWT", "alg", "RS256", "x5t", x5t);
	g_autofree char *head = encode(header);
	g_autofree char *body = encode(payload);
	g_autofree char *input = g_strconcat(head, ".", body, NULL);
	g_autoptr(GByteArray) signature = NULL;
	if (!keyring_sign(keyring, x5t, input, strlen(input), &signature, error))
		return NULL;
	g_autofree char *tail = base64url_encode(signature->data, signature->len);
	return g_strconcat(input, ".", tail, NULL);
}

char *jws_unsigned(json_t *payload)
{
	json_auto_t *header = json_pack("{s:s, s:s}", "typ", "JWT", "alg", "none");
	g_autofree char *head = encode(header);
	g_autofree char *body = encode(payload);
	return g_strconcat(head, ".", body, ".", NULL);
}
