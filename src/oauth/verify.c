#include "oauth/verify.h"

#include "core/address.h"
#include "core/clock.h"
#include "core/error.h"
#include "oauth/jws.h"
#include "oauth/principal.h"

#include <string.h>

void verify_identity_free(struct verify_identity *identity)
{
	g_free(identity->partner);
	g_free(identity->app_id);
	g_free(identity->owner);
	g_free(identity);
}

/* One verification under way. */
struct check {
	const struct verify_rules *rules;
	const struct partner *partner;
	struct jws *outer; /* NULL: app-only */
	struct jws *actor;
	const char *audience; /* of the actor, borrowed */
	const char *nameid;
	int64_t exp_s; /* the earlier end of both */
};

static bool refuse(GError **error, const char *reason, const char *what)
{
	error_set(error, ERROR_ITEM, reason, "%s", what);
	return false;
}

/* A text claim that must be there, not empty and without control characters. */
static bool need_claim(json_t *claims, const char *name, const char **text, GError **error)
{
	json_t *value = json_object_get(claims, name);
	const char *found = json_string_value(value);
	if (found == NULL || found[0] == '\0' || strlen(found) != json_string_length(value)) {
		error_set(error, ERROR_ITEM, "verify.claim", "the claim %s is missing or no text",
		        name);
		return false;
	}
	*text = found;
	return true;
}

/* Reading */

/* The token behind "Bearer "; borrowed. */
static const char *bearer_of(const char *const *authorization, GError **error)
{
	if (authorization == NULL || authorization[0] == NULL) {
		refuse(error, "verify.absent", "there is no Authorization header");
		return NULL;
	}
	if (authorization[1] != NULL) {
		refuse(error, "verify.malformed", "there are several Authorization headers");
		return NULL;
	}
	const char *value = authorization[0];
	if (g_ascii_strncasecmp(value, "Bearer", 6) != 0 || (value[6] != ' ' && value[6] != '\0')) {
		refuse(error, "verify.absent", "the Authorization header has no Bearer token");
		return NULL;
	}
	value += 6;
	while (*value == ' ')
		value++;
	if (*value == '\0') {
		refuse(error, "verify.absent",
		        "the Bearer token is empty: asked for the challenge");
		return NULL;
	}
	return value;
}

/* Parsed strictly, with the reason in our own words. Owned. */
static struct jws *parse(const char *compact, GError **error)
{
	g_autoptr(GError) cause = NULL;
	struct jws *jws = jws_parse(compact, &cause);
	if (jws == NULL)
		refuse(error, "verify.malformed", cause->message);
	return jws;
}

static bool check_header(json_t *header, const char *algorithm, GError **error)
{
	static const char *const forbidden[] = {
	        "jwk", "jku", "x5u", "x5c", "crit", "zip", "b64", "enc", "cty"};
	for (unsigned i = 0; i < G_N_ELEMENTS(forbidden); i++) {
		if (json_object_get(header, forbidden[i]) == NULL)
			continue;
		error_set(error, ERROR_ITEM, "verify.header", "the header has %s", forbidden[i]);
		return false;
	}
	if (g_strcmp0(json_string_value(json_object_get(header, "alg")), algorithm) != 0) {
		error_set(error, ERROR_ITEM, "verify.algorithm", "the algorithm is not %s",
		        algorithm);
		return false;
	}
	json_t *type = json_object_get(header, "typ");
	if (g_strcmp0(json_string_value(type), "JWT") != 0)
		return refuse(error, "verify.header", "the type is not JWT");
	return true;
}

/* The text of the actor token that an outer token carries; NULL when it carries none. Borrowed. */
static bool carried(json_t *claims, const char **actor, GError **error)
{
	json_t *usual = json_object_get(claims, "actortoken");
	json_t *by_specification = json_object_get(claims, "actort");
	if (usual != NULL && by_specification != NULL)
		return refuse(error, "verify.claim", "it carries two actor tokens");
	json_t *value = usual != NULL ? usual : by_specification;
	*actor = NULL;
	if (value == NULL)
		return true;
	*actor = json_string_value(value);
	if (*actor == NULL || strlen(*actor) != json_string_length(value))
		return refuse(error, "verify.claim", "the actor token is no text");
	return true;
}

/*
 * Only a token whose algorithm is exactly "none", that is unsigned and carries an actor token is an
 * outer token. Everything else is an actor token and must be signed.
 */
static bool read_tokens(struct check *check, const char *compact, GError **error)
{
	struct jws *first = parse(compact, error);
	if (first == NULL)
		return false;
	const char *actor = NULL;
	if (!carried(first->payload, &actor, error)) {
		jws_free(first);
		return false;
	}
	const char *algorithm = json_string_value(json_object_get(first->header, "alg"));
	bool outer =
	        actor != NULL && g_strcmp0(algorithm, "none") == 0 && first->signature->len == 0;
	if (!outer) {
		check->actor = first;
		return true;
	}
	check->outer = first;
	if (!check_header(first->header, "none", error))
		return false;
	check->actor = parse(actor, error);
	return check->actor != NULL;
}

/* The actor token */

static const struct partner *partner_of(
        const struct check *check, const GPtrArray *partners, GError **error)
{
	const char *issuer = NULL;
	if (!need_claim(check->actor->payload, "iss", &issuer, error))
		return NULL;
	for (guint i = 0; i < partners->len; i++) {
		const struct partner *partner = g_ptr_array_index(partners, i);
		if (!g_str_equal(partner->issuer, issuer))
			continue;
		if (partner->enabled)
			return partner;
		refuse(error, "verify.issuer", "the partner that issued it is disabled");
		return NULL;
	}
	refuse(error, "verify.issuer", "its issuer is no partner of ours");
	return NULL;
}

static bool key_usable(const struct partner_key *key, int64_t now_utc_us)
{
	if (key->state == PARTNER_KEY_HELD &&
	        (key->usable_utc_us == 0 || now_utc_us < key->usable_utc_us))
		return false;
	return now_utc_us < key->not_after_utc_us;
}

static bool check_signature(const struct check *check, char **unknown_key, GError **error)
{
	const char *x5t = json_string_value(json_object_get(check->actor->header, "x5t"));
	if (x5t == NULL)
		return refuse(error, "verify.key", "the header has no x5t");
	const struct partner_key *key = partner_find_key(check->partner, x5t);
	if (key == NULL) {
		if (unknown_key != NULL)
			*unknown_key = g_strdup(check->partner->name);
		return refuse(error, "verify.key", "the partner has no such key");
	}
	if (!key_usable(key, clock_utc_us()))
		return refuse(error, "verify.key", "the key has expired, or is held back");
	gsize len = 0;
	const guchar *der = g_bytes_get_data(key->der, &len);
	autoptr(certificate) certificate = certificate_from_der(der, len, NULL);
	const GByteArray *signature = check->actor->signature;
	if (certificate == NULL)
		return refuse(error, "verify.key", "the partner's certificate is unusable");
	if (signature->len == 0 ||
	        !certificate_verify(certificate, check->actor->signed_bytes,
	                strlen(check->actor->signed_bytes), signature->data, signature->len))
		return refuse(error, "verify.signature", "the signature is wrong");
	return true;
}

/* A time in Unix seconds, as a string of digits or a whole number; nothing else. */
static bool need_time(json_t *claims, const char *name, int64_t *time_s, GError **error)
{
	json_t *value = json_object_get(claims, name);
	const char *text = json_string_value(value);
	guint64 number = 0;
	bool good = false;
	if (json_is_integer(value)) {
		good = json_integer_value(value) > 0;
		number = good ? (guint64)json_integer_value(value) : 0;
	} else if (text != NULL && g_ascii_isdigit(text[0])) {
		good = strlen(text) == json_string_length(value) &&
		       g_ascii_string_to_unsigned(
		               text, 10, 1, G_MAXUINT32 * G_GUINT64_CONSTANT(64), &number, NULL);
	}
	if (!good || number > G_MAXUINT32 * G_GUINT64_CONSTANT(64)) {
		error_set(error, ERROR_ITEM, "verify.claim", "the claim %s is no time", name);
		return false;
	}
	*time_s = (int64_t)number;
	return true;
}

static bool check_times(struct check *check, json_t *claims, GError **error)
{
	int64_t nbf_s = 0, exp_s = 0;
	if (!need_time(claims, "nbf", &nbf_s, error) || !need_time(claims, "exp", &exp_s, error))
		return false;
	int64_t now_s = clock_utc_us() / CLOCK_US_PER_S;
	int64_t skew_s = check->rules->skew_s;
	if (exp_s <= nbf_s)
		return refuse(error, "verify.time", "it ends before it begins");
	if (exp_s - nbf_s > VERIFY_MAX_LIFETIME_S + skew_s)
		return refuse(error, "verify.time", "it is valid for longer than a day");
	if (nbf_s > now_s + skew_s)
		return refuse(error, "verify.time", "it is not valid yet");
	if (exp_s <= now_s - skew_s)
		return refuse(error, "verify.time", "it has expired");
	check->exp_s = check->exp_s == 0 ? exp_s : MIN(check->exp_s, exp_s);
	return true;
}

static bool is_our_host(const struct verify_rules *rules, const char *host)
{
	for (const char *const *own = rules->hosts; *own != NULL; own++)
		if (g_ascii_strcasecmp(*own, host) == 0)
			return true;
	return false;
}

static bool check_audience(struct check *check, GError **error)
{
	g_autofree char *id = NULL;
	g_autofree char *host = NULL;
	g_autofree char *realm = NULL;
	if (!need_claim(check->actor->payload, "aud", &check->audience, error))
		return false;
	if (!principal_split_audience(check->audience, &id, &host, &realm))
		return refuse(error, "verify.audience", "the audience has not three parts");
	if (!g_str_equal(id, check->rules->app_id))
		return refuse(error, "verify.audience", "the audience is another application");
	if (!is_our_host(check->rules, host))
		return refuse(error, "verify.audience", "the audience is another host");
	if (!g_str_equal(realm, check->rules->realm))
		return refuse(error, "verify.audience", "the audience is in another realm");
	return true;
}

/* A self-issued token is about its issuer; the application is the partner's. */
static bool check_application(struct check *check, GError **error)
{
	const char *issuer = check->partner->issuer;
	g_autofree char *expected =
	        principal_issuer(check->partner->app_id, strchr(issuer, '@') + 1);
	if (!need_claim(check->actor->payload, "nameid", &check->nameid, error))
		return false;
	if (!g_str_equal(check->nameid, expected) || !g_str_equal(check->nameid, issuer))
		return refuse(
		        error, "verify.application", "nameid is not the partner's application");
	return true;
}

static bool check_actor(
        struct check *check, const GPtrArray *partners, char **unknown_key, GError **error)
{
	const char *nested = NULL;
	if (!check_header(check->actor->header, "RS256", error) ||
	        !carried(check->actor->payload, &nested, error))
		return false;
	if (nested != NULL)
		return refuse(error, "verify.claim", "an actor token carries another");
	check->partner = partner_of(check, partners, error);
	return check->partner != NULL && check_signature(check, unknown_key, error) &&
	       check_times(check, check->actor->payload, error) && check_audience(check, error) &&
	       check_application(check, error);
}

/* The outer token */

static bool check_delegation(const struct check *check, GError **error)
{
	json_t *right = json_object_get(check->actor->payload, "trustedfordelegation");
	if (g_strcmp0(json_string_value(right), "true") != 0)
		return refuse(error, "verify.delegation", "it may not speak for users");
	if (check->partner->trust == PARTNER_APPLICATION)
		return refuse(error, "verify.trust", "the partner may speak for itself only");
	if (!g_str_equal(strchr(check->partner->issuer, '@') + 1, check->rules->realm))
		return refuse(error, "verify.trust",
		        "the partner may speak for users of its own "
		        "realm only");
	return true;
}

static bool check_outer(struct check *check, GError **error)
{
	const char *issuer = NULL;
	const char *audience = NULL;
	json_t *claims = check->outer->payload;
	if (!need_claim(claims, "iss", &issuer, error) ||
	        !need_claim(claims, "aud", &audience, error))
		return false;
	if (!g_str_equal(issuer, check->nameid))
		return refuse(
		        error, "verify.mismatch", "the outer token's issuer is not the actor");
	if (!g_str_equal(audience, check->audience))
		return refuse(error, "verify.mismatch", "the audiences differ");
	return check_times(check, claims, error) && check_delegation(check, error);
}

/*
 * An address exactly as its canonical form, apart from ASCII case: a prefix, a parameter or a
 * letter that merely folds to another one is not let through.
 */
static char *plain_address(const char *text)
{
	g_autofree char *canonical =
	        strchr(text, ':') == NULL ? address_canonical(text, NULL) : NULL;
	if (canonical == NULL || strchr(canonical, '@') == NULL)
		return NULL;
	bool same = g_str_is_ascii(text) ? g_ascii_strcasecmp(canonical, text) == 0
	                                 : g_str_equal(canonical, text);
	return same ? g_steal_pointer(&canonical) : NULL;
}

static bool in_our_domains(const struct verify_rules *rules, const char *address)
{
	for (const char *const *domain = rules->domains; *domain != NULL; domain++)
		if (g_ascii_strcasecmp(*domain, address_domain(address)) == 0)
			return true;
	return false;
}

/* One name of the user; all that are given must lead to the same owner. */
static bool resolve_name(const struct check *check, enum verify_name kind, const char *text,
        char **owner, GError **error)
{
	const struct verify_rules *rules = check->rules;
	g_autofree char *address = plain_address(text);
	g_autofree char *found = NULL;
	if (address == NULL)
		return refuse(error, "verify.user", "a name of the user is no plain address");
	if (!in_our_domains(rules, address))
		return refuse(error, "verify.user", "the user is of another domain");
	if (!rules->find_user(rules->find_user_data, kind, address, &found, error))
		return false;
	if (found == NULL)
		return refuse(error, "verify.user", "a name of the user is unknown");
	if (*owner != NULL && !g_str_equal(*owner, found))
		return refuse(error, "verify.user", "the names lead to different users");
	g_free(*owner);
	*owner = g_steal_pointer(&found);
	return true;
}

static bool is_sid(const char *text)
{
	return g_ascii_strncasecmp(text, "s-1-", 4) == 0;
}

static bool check_user(const struct check *check, char **owner, GError **error)
{
	static const struct {
		const char *claim;
		enum verify_name kind;
	} names[] = {{"upn", VERIFY_UPN}, {"smtp", VERIFY_SMTP}, {"sip", VERIFY_SIP}};
	json_t *claims = check->outer->payload;
	for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
		const char *text = NULL;
		if (json_object_get(claims, names[i].claim) == NULL)
			continue;
		if (!need_claim(claims, names[i].claim, &text, error) ||
		        !resolve_name(check, names[i].kind, text, owner, error))
			return false;
	}
	const char *nameid = NULL;
	if (!need_claim(claims, "nameid", &nameid, error))
		return false;
	/* We keep no SIDs: one may stand beside a name, where the partner is allowed to send it. */
	if (is_sid(nameid)) {
		if (!check->partner->accept_sid)
			return refuse(
			        error, "verify.user", "the partner may not name users by SID");
	} else if (!resolve_name(check, VERIFY_UPN, nameid, owner, error)) {
		return false;
	}
	return *owner != NULL || refuse(error, "verify.user", "it names no user that we know");
}

static struct verify_identity *identity_of(const struct check *check, char *owner)
{
	struct verify_identity *identity = g_new0(struct verify_identity, 1);
	identity->partner = g_strdup(check->partner->name);
	identity->app_id = g_strdup(check->partner->app_id);
	identity->owner = owner;
	identity->expires_utc_us = check->exp_s * CLOCK_US_PER_S;
	return identity;
}

static bool check_all(struct check *check, const GPtrArray *partners, const char *compact,
        char **unknown_key, char **owner, GError **error)
{
	if (!read_tokens(check, compact, error) ||
	        !check_actor(check, partners, unknown_key, error))
		return false;
	if (check->outer != NULL)
		return check_outer(check, error) && check_user(check, owner, error);
	if (check->partner->trust == PARTNER_USER)
		return refuse(error, "verify.trust", "the partner may speak for users only");
	return true;
}

struct verify_identity *verify_authorization(const struct verify_rules *rules,
        const GPtrArray *partners, const char *const *authorization, char **unknown_key,
        GError **error)
{
	if (unknown_key != NULL)
		*unknown_key = NULL;
	const char *compact = bearer_of(authorization, error);
	if (compact == NULL)
		return NULL;
	struct check check = {.rules = rules};
	char *owner = NULL;
	struct verify_identity *identity = NULL;
	if (check_all(&check, partners, compact, unknown_key, &owner, error))
		identity = identity_of(&check, g_steal_pointer(&owner));
	g_free(owner);
	g_clear_pointer(&check.outer, jws_free);
	g_clear_pointer(&check.actor, jws_free);
	return identity;
}

char *verify_challenge(const struct verify_rules *rules, const GPtrArray *partners, bool invalid)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_string_append_printf(text, "Bearer client_id=\"%s\", realm=\"%s\", trusted_issuers=\"",
	        rules->app_id, rules->realm);
	const char *separator = "";
	for (guint i = 0; i < partners->len; i++) {
		const struct partner *partner = g_ptr_array_index(partners, i);
		if (!partner->enabled)
			continue;
		g_string_append_printf(text, "%s%s", separator, partner->issuer);
		separator = ",";
	}
	g_string_append(text, "\", token_types=\"app_asserted_user_v1 service_asserted_app_v1\"");
	if (invalid)
		g_string_append(text, ", error=\"invalid_token\"");
	return g_string_free(g_steal_pointer(&text), FALSE);
}
