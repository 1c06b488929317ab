#include "auth.h"

#include "devx.h"
#include "habits.h"
#include "http.h"
#include "partner.h"
#include "token.h"

#include <string.h>

#define MAX_HEADER (16 * 1024)

int64_t devx_now_s(const struct devx *devx)
{
	return now_s() + devx->clock_skew_s;
}

/* NAME is an SMTP address, a UPN, or DOMAIN\local-part. */
static struct mailbox *user_named(struct devx *devx, const char *name)
{
	struct mailbox *mb = store_find(devx->store, name);

	return mb != NULL ? mb : store_find_upn(devx->store, name);
}

static bool same_secret(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned char differ = n != m;

	for (size_t i = 0; i < n && m > 0; i++)
		differ |= (unsigned char)(a[i] ^ b[i % m]);
	return differ == 0;
}

#define WRONG_LOGINS 10
#define BLOCKED_MS 60000

/* grommunio blocks a user for a minute after so many wrong passwords. */
static bool password_fits(struct mailbox *mb, const char *password)
{
	mailbox_lock(mb);
	bool blocked = grommunio() && mb->blocked_until_ms > now_ms();
	bool fits = !blocked && mb->password != NULL && same_secret(password, mb->password);
	if (fits)
		mb->wrong_logins = 0;
	else if (!blocked && ++mb->wrong_logins % WRONG_LOGINS == 0)
		mb->blocked_until_ms = now_ms() + BLOCKED_MS;
	mailbox_unlock(mb);
	return fits;
}

static void check_basic(struct devx *devx, const char *encoded, struct auth_result *r)
{
	gsize length = 0;
	guchar *bytes = g_base64_decode(encoded, &length);
	char *text = g_strndup((char *)bytes, length);
	char *colon = strchr(text, ':');

	g_free(bytes);
	if (colon != NULL) {
		*colon = '\0';
		struct mailbox *mb = user_named(devx, text);
		if (mb != NULL && !mb->disabled && password_fits(mb, colon + 1)) {
			r->ok = true;
			r->who.kind = ID_USER;
			r->who.user = mb;
		}
	}
	g_free(text);
}

static void count_token(const struct token_verdict *v)
{
	char name[80];

	count_event(v->ok ? "token.accepted" : "token.refused");
	if (!v->ok)
		return;
	/* An actor token is signed once and used often: each signature counts once. */
	count_distinct("token.signatures", v->signature);
	g_snprintf(name, sizeof name, "token.key.%s", v->key);
	count_event(name);
}

static void check_bearer(
        struct devx *devx, const char *token, const char *host, struct auth_result *r)
{
	struct token_verdict v;

	if (*token == '\0')
		return;
	if (grommunio()) {
		r->invalid_token = true;
		return;
	}
	token_check(devx, token, host, &v);
	count_token(&v);
	r->ok = v.ok;
	r->who = v.who;
	r->invalid_token = !v.ok;
	if (!v.ok)
		r->diagnostics = g_strdup_printf(
		        "%d;reason=\"%s\";error_category=\"%s\"", v.number, v.reason, v.category);
	g_free(v.reason);
	g_free(v.signature);
}

void auth_check(struct devx *devx, const char *authorization, int count, const char *host,
        struct auth_result *r)
{
	*r = (struct auth_result){0};
	if (count > 1 || (authorization != NULL && strlen(authorization) > MAX_HEADER)) {
		r->bad_request = true;
		return;
	}
	if (authorization == NULL)
		return;
	size_t scheme = strcspn(authorization, " ");
	const char *rest = authorization + scheme;
	while (*rest == ' ')
		rest++;
	if (scheme == 5 && g_ascii_strncasecmp(authorization, "Basic", 5) == 0)
		check_basic(devx, rest, r);
	else if (scheme == 6 && g_ascii_strncasecmp(authorization, "Bearer", 6) == 0)
		check_bearer(devx, rest, host, r);
}

char *auth_bearer_challenge(struct devx *devx, bool invalid_token)
{
	GString *s = g_string_new(NULL);
	bool first = true;

	partners_refresh(devx->partners, REFRESH_UNLOADED);
	g_string_append_printf(
	        s, "Bearer client_id=\"%s\", trusted_issuers=\"", devx->options.app_id);
	pthread_mutex_lock(&devx->partners->lock);
	for (guint i = 0; i < devx->partners->list->len; i++) {
		const struct partner *p = devx->partners->list->pdata[i];
		if (!p->loaded || !p->enabled)
			continue;
		g_string_append_printf(s, "%s%s", first ? "" : ",", p->issuer);
		first = false;
	}
	pthread_mutex_unlock(&devx->partners->lock);
	g_string_append(s, "\", token_types=\"app_asserted_user_v1 service_asserted_app_v1\"");
	if (invalid_token)
		g_string_append(s, ", error=\"invalid_token\"");
	return g_string_free(s, FALSE);
}
