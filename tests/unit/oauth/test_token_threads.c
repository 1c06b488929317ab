/* Many workers ask one token source while keys roll and partners change: for the thread sanitizer.
 */
#include "core/clock.h"
#include "core/thread.h"
#include "fixture.h"
#include "oauth/jws.h"
#include "wire/http.h"

#include <string.h>

Suite *token_threads_suite(void);

#define WORKERS 6
#define CALLS 400
#define CHANGES 40

static const char *const urls[] = {"https://mail.corp.example/EWS/Exchange.asmx",
        "https://autodiscover.corp.example/autodiscover/autodiscover.svc"};

struct worker {
	struct token_source *source;
	unsigned number;
	unsigned good, refused;
	char *trouble; /* what went wrong first */
};

static bool is_for(const char *compact, const char *host)
{
	autoptr(jws) jws = jws_parse(compact, NULL);
	const char *audience =
	        jws != NULL ? json_string_value(json_object_get(jws->payload, "aud")) : NULL;
	return audience != NULL && strstr(audience, host) != NULL;
}

/* Calls as a worker makes them; now and then the server takes a token back. */
static bool call(struct worker *worker, unsigned i, GError **error)
{
	static const char *const challenge[] = {
	        "Bearer client_id=\"" PRINCIPAL_EXCHANGE "\", error=\"invalid_token\"", NULL};
	const char *url = urls[(worker->number + i) % G_N_ELEMENTS(urls)];
	autoptr(mailbox) user = mailbox_new("bob@corp.example", "bob@corp.example", "main");
	g_autofree char *header = NULL;
	g_autofree char *origin = http_origin(url);
	g_autofree char *host = principal_origin_host(origin);
	uint64_t generation = 0;
	if (!token_for(worker->source, "exchange", url, i % 3 == 0 ? NULL : user, &header,
	            &generation, error))
		return false;
	if (!is_for(header + strlen("Bearer "), host)) {
		error_set(error, ERROR_ITEM, "test.audience", "a token for another host");
		return false;
	}
	worker->good++;
	if (i % 50 != 0)
		return true;
	worker->refused++;
	g_autoptr(GError) cause = NULL;
	/* Refused again within seconds of the last time: that is said, and is no trouble here. */
	return token_refused(worker->source, "exchange", generation, challenge, NULL, &cause) ||
	       error_is(cause, "token.refused");
}

static void work(void *data)
{
	struct worker *worker = data;
	for (unsigned i = 0; i < CALLS; i++) {
		g_autoptr(GError) error = NULL;
		if (call(worker, i, &error))
			continue;
		worker->trouble = g_strdup(error != NULL ? error->message : "not said");
		return;
	}
}

static void tell_partners(struct token_source *source, unsigned key)
{
	g_autoptr(GPtrArray) partners = g_ptr_array_new();
	autoptr(partner) partner = fixture_partner(key);
	partner_add_origin(partner, "https://autodiscover.corp.example:443");
	g_ptr_array_add(partners, partner);
	token_source_set_partners(source, partners);
}

/* What commands and the keeper do meanwhile. */
static void change(struct token_source *source, unsigned i)
{
	g_autoptr(GError) error = NULL;
	struct keyring *keyring = token_source_keyring(source);
	uint64_t handed_out = 0, signatures = 0;
	tell_partners(source, i % 2);
	ck_assert(keyring_use(keyring, fixture_pair(i % 2), &error));
	ck_assert(keyring_follow(keyring, &error));
	g_autoptr(GPtrArray) published = keyring_published(keyring);
	ck_assert_uint_ge(published->len, 1);
	token_source_counts(source, &handed_out, &signatures);
	if (i % 10 == 0)
		token_source_forget(source);
	clock_sleep_us(1000);
}

START_TEST(many_workers_share_one_source)
{
	char *folder = fixture_folder();
	struct token_source *source = fixture_source(folder);
	struct worker workers[WORKERS] = {0};
	struct thread *threads[WORKERS];
	tell_partners(source, 0);
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i].source = source;
		workers[i].number = i;
		threads[i] = thread_start("worker", work, &workers[i]);
	}
	for (unsigned i = 0; i < CHANGES; i++)
		change(source, i);
	unsigned good = 0;
	for (unsigned i = 0; i < WORKERS; i++) {
		thread_join(threads[i]);
		ck_assert_msg(workers[i].trouble == NULL, "%s", workers[i].trouble);
		good += workers[i].good;
	}
	uint64_t handed_out = 0, signatures = 0;
	token_source_counts(source, &handed_out, &signatures);
	ck_assert_uint_eq(good, WORKERS * CALLS);
	ck_assert_uint_eq(handed_out, good);
	/* Two hosts and two kinds per change or refusal, however many workers ask. */
	ck_assert_uint_le(signatures, 4 * (2 * CHANGES + WORKERS * CALLS / 50 + 1));
	ck_assert_uint_ge(signatures, 2);
	token_source_free(source);
	fixture_remove(folder);
}
END_TEST

Suite *token_threads_suite(void)
{
	Suite *suite = suite_create("token_threads");
	TCase *tcase = tcase_create("token_threads");
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, many_workers_share_one_source);
	suite_add_tcase(suite, tcase);
	return suite;
}
