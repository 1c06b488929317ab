#include "im/directory.h"

#include "core/clock.h"
#include "core/error.h"
#include "core/secret.h"
#include "core/thread.h"

#include <ldap.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>

#define PAGE_ENTRIES 500

/*
 * libldap's own timeouts do not cover a TLS handshake: it would wait for a silent server for ever.
 * While a connection is made, a thread watches it and shuts its socket down when time is up.
 */
struct watch {
	struct ldap_conncb hooks;
	struct mutex mutex;
	struct cond cond;
	int fd; /* -1: none */
	int64_t timeout_us, until_mono_us;
	bool done, expired;
};

struct directory {
	LDAP *ldap;
	char *url;
	struct timeval timeout;
	struct watch watch;
};

static int watch_socket(LDAP *ldap, Sockbuf *buffer, LDAPURLDesc *url, struct sockaddr *address,
        struct ldap_conncb *hooks)
{
	(void)ldap;
	(void)url;
	(void)address;
	struct watch *watch = hooks->lc_arg;
	mutex_lock(&watch->mutex);
	ber_sockbuf_ctrl(buffer, LBER_SB_OPT_GET_FD, &watch->fd);
	watch->until_mono_us = clock_mono_us() + watch->timeout_us;
	mutex_unlock(&watch->mutex);
	return 0;
}

static void forget_socket(LDAP *ldap, Sockbuf *buffer, struct ldap_conncb *hooks)
{
	(void)ldap;
	(void)buffer;
	struct watch *watch = hooks->lc_arg;
	mutex_lock(&watch->mutex);
	watch->fd = -1;
	mutex_unlock(&watch->mutex);
}

static void watch_body(void *data)
{
	struct watch *watch = data;
	mutex_lock(&watch->mutex);
	while (!watch->done) {
		cond_wait_until(&watch->cond, &watch->mutex, watch->until_mono_us);
		if (watch->done || clock_mono_us() < watch->until_mono_us)
			continue;
		watch->expired = watch->expired || watch->fd >= 0;
		if (watch->fd >= 0)
			shutdown(watch->fd, SHUT_RDWR);
		watch->until_mono_us = clock_mono_us() + watch->timeout_us;
	}
	mutex_unlock(&watch->mutex);
}

static void watch_init(struct watch *watch, int64_t timeout_us)
{
	watch->hooks = (struct ldap_conncb){watch_socket, forget_socket, watch};
	watch->fd = -1;
	watch->timeout_us = timeout_us;
	watch->until_mono_us = clock_mono_us() + timeout_us;
	mutex_init(&watch->mutex);
	cond_init(&watch->cond);
}

static void watch_end(struct watch *watch, struct thread *thread)
{
	mutex_lock(&watch->mutex);
	watch->done = true;
	cond_signal(&watch->cond);
	mutex_unlock(&watch->mutex);
	thread_join(thread);
}

/* What a result of the directory means to us, and what a person may do about it. */
static const struct meaning {
	int code;
	enum error_class error_class;
	const char *reason, *advice;
} meanings[] = {
        {LDAP_SERVER_DOWN, ERROR_RETRY, "directory.unreachable",
                "check url in [ldap], and whether the directory runs"},
        {LDAP_CONNECT_ERROR, ERROR_CONFIG, "directory.tls",
                "check that its certificate is signed by ca_file in [ldap] and is made out to the "
                "name in url"},
        {LDAP_TIMEOUT, ERROR_RETRY, "directory.unreachable",
                "check whether the directory is overloaded; timeout in [ldap] says how long is "
                "waited"},
        {LDAP_BUSY, ERROR_RETRY, "directory.unreachable", "it is tried again"},
        {LDAP_UNAVAILABLE, ERROR_RETRY, "directory.unreachable", "it is tried again"},
        {LDAP_INVALID_CREDENTIALS, ERROR_CONFIG, "directory.login",
                "check bind_dn and password_file in [ldap]"},
        {LDAP_INAPPROPRIATE_AUTH, ERROR_CONFIG, "directory.login", "check auth in [ldap]"},
        {LDAP_AUTH_METHOD_NOT_SUPPORTED, ERROR_CONFIG, "directory.login", "check auth in [ldap]"},
        {LDAP_STRONG_AUTH_REQUIRED, ERROR_CONFIG, "directory.login",
                "it asks for a login or for TLS: set auth and start_tls in [ldap]"},
        {LDAP_CONFIDENTIALITY_REQUIRED, ERROR_CONFIG, "directory.tls",
                "it asks for TLS: set start_tls = yes in [ldap]"},
        {LDAP_FILTER_ERROR, ERROR_CONFIG, "directory.filter", "correct filter in [ldap]"},
        {LDAP_NO_SUCH_OBJECT, ERROR_CONFIG, "directory.base",
                "correct base in [ldap], or let imex's entry read it"},
        {LDAP_INVALID_DN_SYNTAX, ERROR_CONFIG, "directory.base",
                "correct base and bind_dn in [ldap]"},
        {LDAP_INSUFFICIENT_ACCESS, ERROR_CONFIG, "directory.refused",
                "let the entry in bind_dn read below base"},
        {LDAP_SIZELIMIT_EXCEEDED, ERROR_CONFIG, "directory.refused",
                "it gives only a part of its entries: raise its size limit for imex's entry"},
        {LDAP_TIMELIMIT_EXCEEDED, ERROR_RETRY, "directory.unreachable",
                "the search takes too long there: give it an index for the filter"},
        {LDAP_ADMINLIMIT_EXCEEDED, ERROR_CONFIG, "directory.refused",
                "raise its limits for imex's entry"},
};

static const struct meaning *meaning_of(int code)
{
	static const struct meaning other = {
	        LDAP_OTHER, ERROR_RETRY, "directory.failed", "see the directory's log"};
	for (unsigned i = 0; i < G_N_ELEMENTS(meanings); i++)
		if (meanings[i].code == code)
			return &meanings[i];
	return &other;
}

/* The directory's own words, when it has any. Owned, or NULL. */
static char *words_of(LDAP *ldap)
{
	char *text = NULL;
	if (ldap == NULL || ldap_get_option(ldap, LDAP_OPT_DIAGNOSTIC_MESSAGE, &text) != 0 ||
	        text == NULL)
		return NULL;
	char *words = text[0] != '\0' ? g_utf8_make_valid(text, -1) : NULL;
	ldap_memfree(text);
	return words;
}

/* A lost connection about which TLS has something to say was lost to TLS. */
static int refine(const struct directory *directory, int code, const char *words)
{
	if (code != LDAP_SERVER_DOWN)
		return code;
	if (directory->watch.expired)
		return LDAP_TIMEOUT;
	return words != NULL ? LDAP_CONNECT_ERROR : code;
}

static bool fail(const struct directory *directory, int code, const char *what, GError **error)
{
	g_autofree char *words = words_of(directory->ldap);
	code = refine(directory, code, words);
	const struct meaning *meaning = meaning_of(code);
	error_set(error, meaning->error_class, meaning->reason, "the directory %s %s: %s%s%s%s; %s",
	        directory->url, what, ldap_err2string(code), words != NULL ? " (" : "",
	        words != NULL ? words : "", words != NULL ? ")" : "", meaning->advice);
	return false;
}

/* The scheme of a URL that libldap takes, or NULL. */
static const char *scheme_of(const char *url)
{
	static const char *const schemes[] = {"ldap://", "ldaps://", "ldapi://"};
	LDAPURLDesc *parsed = NULL;
	for (unsigned i = 0; i < G_N_ELEMENTS(schemes); i++) {
		if (g_ascii_strncasecmp(url, schemes[i], strlen(schemes[i])) != 0 ||
		        ldap_url_parse(url, &parsed) != 0)
			continue;
		ldap_free_urldesc(parsed);
		return schemes[i];
	}
	return NULL;
}

/* All of one scheme, so that TLS is not a matter of which of them answers. */
static bool check_url(const char *url, GError **error)
{
	g_auto(GStrv) urls = g_strsplit(url, " ", -1);
	const char *scheme = NULL;
	bool good = true;
	for (char **each = urls; *each != NULL && good; each++) {
		const char *this = **each != '\0' ? scheme_of(*each) : scheme;
		good = **each == '\0' || (this != NULL && (scheme == NULL || scheme == this));
		scheme = this;
	}
	if (good && scheme != NULL)
		return true;
	error_set(error, ERROR_CONFIG, "directory.url",
	        "url = %s in [ldap] is not the URL of a directory, or URLs of one kind: write it "
	        "like ldap://ldap.corp.example, ldaps://ldap.corp.example or ldapi:///",
	        url);
	return false;
}

/* ldap.conf and the environment may say otherwise, so that everything that matters is set. */
static bool set_options(
        struct directory *directory, const struct directory_options *options, GError **error)
{
	LDAP *ldap = directory->ldap;
	const int version = LDAP_VERSION3, demand = LDAP_OPT_X_TLS_DEMAND, client = 0;
	ber_len_t max_bytes = DIRECTORY_MAX_BYTES;
	Sockbuf *socket_buffer = NULL;
	bool good = ldap_set_option(ldap, LDAP_OPT_PROTOCOL_VERSION, &version) == 0 &&
	            ldap_set_option(ldap, LDAP_OPT_NETWORK_TIMEOUT, &directory->timeout) == 0 &&
	            ldap_set_option(ldap, LDAP_OPT_TIMEOUT, &directory->timeout) == 0 &&
	            ldap_set_option(ldap, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) == 0 &&
	            ldap_set_option(ldap, LDAP_OPT_CONNECT_CB, &directory->watch.hooks) == 0 &&
	            ldap_set_option(ldap, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand) == 0 &&
	            (options->ca_file == NULL || ldap_set_option(ldap, LDAP_OPT_X_TLS_CACERTFILE,
	                                                 options->ca_file) == 0) &&
	            ldap_get_option(ldap, LDAP_OPT_SOCKBUF, &socket_buffer) == 0 &&
	            ber_sockbuf_ctrl(socket_buffer, LBER_SB_OPT_SET_MAX_INCOMING, &max_bytes) == 1;
	if (!good)
		return fail(directory, LDAP_OTHER, "cannot be set up", error);
	if (ldap_set_option(ldap, LDAP_OPT_X_TLS_NEWCTX, &client) == 0)
		return true;
	error_set(error, ERROR_CONFIG, "directory.tls",
	        "the CA certificates for the directory %s cannot be read from %s: check ca_file in "
	        "[ldap]",
	        directory->url, options->ca_file != NULL ? options->ca_file : "the system's file");
	return false;
}

static bool log_in(
        struct directory *directory, const struct directory_options *options, GError **error)
{
	bool simple = options->auth == DIRECTORY_SIMPLE;
	const char *mechanism = options->auth == DIRECTORY_EXTERNAL ? "EXTERNAL" : LDAP_SASL_SIMPLE;
	char *password = g_strdup(simple ? options->password : "");
	struct berval credentials = {strlen(password), password};
	int code = ldap_sasl_bind_s(directory->ldap, simple ? options->bind_dn : NULL, mechanism,
	        &credentials, NULL, NULL, NULL);
	explicit_bzero(password, strlen(password));
	g_free(password);
	return code == LDAP_SUCCESS || fail(directory, code, "does not let imex in", error);
}

static bool start_tls(
        struct directory *directory, const struct directory_options *options, GError **error)
{
	if (!options->start_tls || g_ascii_strncasecmp(options->url, "ldap:", 5) != 0)
		return true;
	int code = ldap_start_tls_s(directory->ldap, NULL, NULL);
	/* A server that knows no TLS refuses the request by one of several codes. */
	if (code > 0 && meaning_of(code)->error_class == ERROR_RETRY)
		code = LDAP_CONNECT_ERROR;
	return code == LDAP_SUCCESS || fail(directory, code, "does not start TLS", error);
}

static bool connect_to(
        struct directory *directory, const struct directory_options *options, GError **error)
{
	int code = ldap_initialize(&directory->ldap, options->url);
	if (code != LDAP_SUCCESS)
		return fail(directory, code, "cannot be set up", error);
	if (!set_options(directory, options, error))
		return false;
	struct thread *thread = thread_start("imex-ldap", watch_body, &directory->watch);
	bool good = start_tls(directory, options, error) && log_in(directory, options, error);
	watch_end(&directory->watch, thread);
	return good;
}

struct directory *directory_open(const struct directory_options *options, GError **error)
{
	if (!check_url(options->url, error))
		return NULL;
	autoptr(directory) directory = g_new0(struct directory, 1);
	unsigned timeout_s = MAX(options->timeout_s, 1);
	directory->url = g_strdup(options->url);
	directory->timeout.tv_sec = (time_t)timeout_s;
	watch_init(&directory->watch, timeout_s * CLOCK_US_PER_S);
	return connect_to(directory, options, error) ? g_steal_pointer(&directory) : NULL;
}

void directory_close(struct directory *directory)
{
	if (directory->ldap != NULL)
		ldap_unbind_ext_s(directory->ldap, NULL, NULL);
	cond_destroy(&directory->watch.cond);
	mutex_destroy(&directory->watch.mutex);
	g_free(directory->url);
	g_free(directory);
}

/*
 * Section [ldap].
 */

static bool read_login(const struct config *config, struct directory_options *options,
        char **password, GError **error)
{
	const char *auth = config_string(config, "ldap", NULL, "auth");
	if (g_str_equal(auth, "external"))
		options->auth = DIRECTORY_EXTERNAL;
	if (!g_str_equal(auth, "simple"))
		return true;
	options->auth = DIRECTORY_SIMPLE;
	options->bind_dn = config_require(config, "ldap", NULL, "bind_dn", error);
	if (options->bind_dn == NULL)
		return false;
	options->password = *password = secret_of(config, "ldap", NULL, error);
	return *password != NULL;
}

struct directory *directory_open_config(const struct config *config, GError **error)
{
	char *password = NULL;
	struct directory *directory = NULL;
	struct directory_options options = {
	        .url = config_require(config, "ldap", NULL, "url", error),
	        .ca_file = config_string(config, "ldap", NULL, "ca_file"),
	        .start_tls = config_bool(config, "ldap", NULL, "start_tls"),
	        .timeout_s = (unsigned)config_duration_s(config, "ldap", NULL, "timeout"),
	};
	if (options.url != NULL && read_login(config, &options, &password, error))
		directory = directory_open(&options, error);
	secret_free(password);
	return directory;
}

/*
 * Searching.
 */

struct search {
	struct directory *directory;
	const char *base, *filter;
	const char *const *attributes;
	directory_entry_fn each;
	void *data;
	unsigned entries;
};

static GPtrArray *text_values(LDAP *ldap, LDAPMessage *message, const char *attribute)
{
	GPtrArray *texts = g_ptr_array_new_with_free_func(g_free);
	struct berval **values = ldap_get_values_len(ldap, message, attribute);
	for (struct berval **value = values; value != NULL && *value != NULL; value++) {
		/* A photo is no text, and what is none is not taken for one. */
		if ((*value)->bv_len > 0 &&
		        g_utf8_validate_len((*value)->bv_val, (*value)->bv_len, NULL))
			g_ptr_array_add(texts, g_strndup((*value)->bv_val, (*value)->bv_len));
	}
	ldap_value_free_len(values);
	return texts;
}

static void free_values(gpointer values)
{
	g_ptr_array_unref(values);
}

static bool tell(struct search *search, LDAPMessage *message, GError **error)
{
	LDAP *ldap = search->directory->ldap;
	char *dn = ldap_get_dn(ldap, message);
	g_autofree char *shown = g_utf8_make_valid(dn != NULL ? dn : "", -1);
	g_autoptr(GHashTable) values =
	        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_values);
	ldap_memfree(dn);
	for (const char *const *name = search->attributes; *name != NULL; name++) {
		char *key = (char *)(uintptr_t)*name;
		g_hash_table_insert(values, key, text_values(ldap, message, *name));
	}
	const struct directory_entry entry = {shown, values};
	return search->each(search->data, &entry, error);
}

static bool tell_all(struct search *search, LDAPMessage *page, GError **error)
{
	LDAP *ldap = search->directory->ldap;
	for (LDAPMessage *entry = ldap_first_entry(ldap, page); entry != NULL;
	        entry = ldap_next_entry(ldap, entry)) {
		if (++search->entries > DIRECTORY_MAX_ENTRIES) {
			error_set(error, ERROR_CONFIG, "directory.too_large",
			        "the directory %s has more than %d entries below %s that match %s: "
			        "narrow base and filter in [ldap]",
			        search->directory->url, DIRECTORY_MAX_ENTRIES, search->base,
			        search->filter);
			return false;
		}
		if (!tell(search, entry, error))
			return false;
	}
	return true;
}

/* The cookie of the next page; empty after the last, or when the directory knows no pages. */
static int next_cookie(LDAP *ldap, LDAPMessage *page, struct berval *cookie)
{
	LDAPControl **controls = NULL;
	int result = LDAP_SUCCESS;
	int code = ldap_parse_result(ldap, page, &result, NULL, NULL, NULL, &controls, 0);
	LDAPControl *answer = ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, controls, NULL);
	ber_int_t estimate = 0;
	if (code == LDAP_SUCCESS && answer != NULL)
		code = ldap_parse_pageresponse_control(ldap, answer, &estimate, cookie);
	ldap_controls_free(controls);
	return code != LDAP_SUCCESS ? code : result;
}

static int fetch_page(struct search *search, struct berval *cookie, LDAPMessage **page)
{
	struct directory *directory = search->directory;
	LDAPControl *paged = NULL;
	int code = ldap_create_page_control(directory->ldap, PAGE_ENTRIES, cookie, 0, &paged);
	if (code != LDAP_SUCCESS)
		return code;
	LDAPControl *controls[] = {paged, NULL};
	char **attributes = (char **)(uintptr_t)search->attributes;
	code = ldap_search_ext_s(directory->ldap, search->base, LDAP_SCOPE_SUBTREE, search->filter,
	        attributes, 0, controls, NULL, &directory->timeout, LDAP_NO_LIMIT, page);
	ldap_control_free(paged);
	return code;
}

/* One page; *more says whether another follows. */
static bool read_page(struct search *search, struct berval *cookie, bool *more, GError **error)
{
	LDAPMessage *page = NULL;
	struct berval next = {0, NULL};
	int code = fetch_page(search, cookie, &page);
	if (code == LDAP_SUCCESS)
		code = next_cookie(search->directory->ldap, page, &next);
	ber_memfree(cookie->bv_val);
	*cookie = next;
	*more = next.bv_len > 0;
	bool good = code == LDAP_SUCCESS
	                    ? tell_all(search, page, error)
	                    : fail(search->directory, code, "cannot be searched", error);
	ldap_msgfree(page);
	return good;
}

bool directory_search(struct directory *directory, const char *base, const char *filter,
        const char *const *attributes, directory_entry_fn each, void *data, GError **error)
{
	struct search search = {directory, base, filter, attributes, each, data, 0};
	struct berval cookie = {0, NULL};
	bool good, more = false;
	do
		good = read_page(&search, &cookie, &more, error);
	while (good && more);
	ber_memfree(cookie.bv_val);
	return good;
}

const char *directory_value(
        const struct directory_entry *entry, const char *attribute, unsigned *count)
{
	const GPtrArray *values = g_hash_table_lookup(entry->values, attribute);
	*count = values != NULL ? values->len : 0;
	return *count > 0 ? g_ptr_array_index(values, 0) : NULL;
}

char *directory_escape(const char *text)
{
	GString *out = g_string_new(NULL);
	for (const char *at = text; *at != '\0'; at++) {
		if (strchr("*()\\", *at) != NULL)
			g_string_append_printf(out, "\\%02x", (unsigned)(unsigned char)*at);
		else
			g_string_append_c(out, *at);
	}
	return g_string_free(out, FALSE);
}
