#include "store/mailbox.h"

#include "core/clock.h"
#include "store/delivery.h"
#include "tests/unit/store/fixture.h"

#include <string.h>

Suite *mailbox_suite(void);

static struct mailbox *alice(void)
{
	struct mailbox *mailbox =
	        mailbox_new("alice@im.corp.example", "alice@corp.example", "exchange");
	mailbox->sip = g_strdup("alice@corp.example");
	mailbox->upn = g_strdup("alice@ad.corp.example");
	return mailbox;
}

STORE_TEST(pinned)
{
	autoptr(mailbox) mapped = alice();
	int64_t id = 0, again = 0;
	must(store_mailbox_pin(store, mapped, &id, error));
	must(store_mailbox_pin(other, mapped, &again, error));
	ck_assert_int_gt(id, 0);
	ck_assert_int_eq(id, again);
	autoptr(mailbox) found = NULL;
	must(store_mailbox_by_owner(store, "alice@im.corp.example", &found, error));
	ck_assert_ptr_nonnull(found);
	ck_assert_int_eq(found->id, id);
	ck_assert(mailbox_equal(found, mapped));
	autoptr(mailbox) nobody = NULL;
	must(store_mailbox_by_owner(store, "bob@im.corp.example", &nobody, error));
	ck_assert_ptr_null(nobody);
}

STORE_TEST(changed_mapping_stops)
{
	autoptr(mailbox) mapped = alice();
	int64_t id = 0;
	must(store_mailbox_pin(store, mapped, &id, error));
	g_free(mapped->smtp);
	mapped->smtp = g_strdup("mallory@corp.example");
	must_fail(store_mailbox_pin(store, mapped, &id, error), "mailbox.remapped");
	autoptr(mailbox) found = NULL;
	must(store_mailbox_by_owner(store, "alice@im.corp.example", &found, error));
	ck_assert_str_eq(found->smtp, "alice@corp.example");
}

STORE_TEST(one_owner_per_mailbox)
{
	autoptr(mailbox) mapped = alice();
	int64_t id = 0, none = 0;
	must(store_mailbox_pin(store, mapped, &id, error));
	autoptr(mailbox) twin =
	        mailbox_new("bob@im.corp.example", "alice@corp.example", "exchange");
	g_autoptr(GError) problem = NULL;
	ck_assert(!store_mailbox_pin(store, twin, &none, &problem));
	ck_assert(error_is(problem, "mailbox.taken"));
	ck_assert_int_eq(error_class_of(problem), ERROR_MAILBOX);
	ck_assert_ptr_nonnull(strstr(problem->message, "alice@im.corp.example"));
	ck_assert_str_eq(error_subject(problem), "bob@im.corp.example");
	/* The same address on another server is another mailbox. */
	autoptr(mailbox) elsewhere =
	        mailbox_new("bob@im.corp.example", "alice@corp.example", "second");
	must(store_mailbox_pin(store, elsewhere, &none, error));
	ck_assert_int_ne(none, id);
}

STORE_TEST(remapped)
{
	autoptr(mailbox) mapped = alice();
	int64_t old = 0, new = 0;
	must(store_mailbox_pin(store, mapped, &old, error));
	must(store_mailbox_set_confirmed(store, old, 5, error));
	autoptr(lease) lease = store_test_lease(store, old, clock_utc_us());
	must(store_mailbox_remap(store, mapped, &new, error));
	ck_assert_int_eq(new, old);
	g_free(mapped->smtp);
	mapped->smtp = g_strdup("alice.new@corp.example");
	must(store_mailbox_remap(store, mapped, &new, error));
	ck_assert_int_ne(new, old);
	bool confirmed = true;
	must(store_mailbox_confirmed(store, new, &confirmed, error));
	ck_assert_msg(!confirmed, "the new mailbox counts as confirmed");
	/* A worker in the middle of a pass over the old one is stopped. */
	must(store_begin(store, error));
	must_fail(lease_check(store, lease, error), "lease.lost");
	store_rollback(store);
	int64_t again = 0;
	must(store_mailbox_pin(store, mapped, &again, error));
	ck_assert_int_eq(again, new);
}

static void plan_delivery(int64_t mailbox_id, const char *uuid, const char *segment_id)
{
	char folder[] = "history";
	struct delivery delivery = {.mailbox_id = mailbox_id,
	        .uuid = (char *)(uintptr_t)uuid,
	        .conversation_id = 1,
	        .segment_id = (char *)(uintptr_t)segment_id,
	        .folder = folder};
	must(store_delivery_plan(store, &delivery, 1, NULL, error));
}

static void check_delivery(const char *uuid, int64_t mailbox_id, const char *state)
{
	autoptr(delivery) found = NULL;
	must(store_delivery_get(other, uuid, &found, error));
	ck_assert_ptr_nonnull(found);
	ck_assert_int_eq(found->mailbox_id, mailbox_id);
	ck_assert_str_eq(found->state, state);
}

/* What waits for the old mailbox is not forgotten, and what was sent is still to be looked for. */
STORE_TEST(remap_takes_deliveries_along)
{
	autoptr(mailbox) mapped = alice();
	int64_t old = 0, new = 0;
	must(store_mailbox_pin(store, mapped, &old, error));
	plan_delivery(old, "u1-done", "s1");
	plan_delivery(old, "u2-sent", "s2");
	plan_delivery(old, "u3-waits", "s3");
	autoptr(lease) lease = store_test_lease(store, old, clock_utc_us());
	g_autoptr(GError) problem = NULL;
	g_autoptr(GPtrArray) due = store_deliveries_due(store, old, INT64_MAX, 2, &problem);
	ck_assert_uint_eq(due->len, 2);
	must(store_deliveries_sent(store, lease, due, "run", 5, error));
	const struct delivery_result done = {
	        .delivery = due->pdata[0], .outcome = DELIVERY_CONFIRMED, .item_id = "item"};
	must(store_deliveries_record(store, lease, &done, 1, 6, error));
	g_free(mapped->smtp);
	mapped->smtp = g_strdup("alice.new@corp.example");
	must(store_mailbox_remap(store, mapped, &new, error));
	check_delivery("u1-done", old, "confirmed");
	check_delivery("u2-sent", new, "sent");
	check_delivery("u3-waits", new, "planned");
}

STORE_TEST(remap_of_unknown)
{
	autoptr(mailbox) mapped = alice();
	int64_t id = 0;
	must_fail(store_mailbox_remap(store, mapped, &id, error), "mailbox.unknown");
	must_fail(store_mailbox_set_confirmed(store, 4711, 1, error), "mailbox.unknown");
}

STORE_TEST(confirmed)
{
	int64_t id = store_test_mailbox("alice@corp.example");
	bool is = true;
	must(store_mailbox_confirmed(store, id, &is, error));
	ck_assert(!is);
	must(store_mailbox_set_confirmed(store, id, 1, error));
	must(store_mailbox_confirmed(other, id, &is, error));
	ck_assert(is);
}

static bool count_and_write(const struct mailbox *mailbox, void *data, GError **error)
{
	GString *seen = data;
	g_assert(seen->len == 0 || strcmp(seen->str, mailbox->owner) < 0);
	g_string_assign(seen, mailbox->owner);
	return store_property_set(store, mailbox->owner, "seen", error);
}

static bool stop_at_once(const struct mailbox *mailbox, void *data, GError **error)
{
	(void)data;
	error_set(error, ERROR_MAILBOX, "test.stop", "stopped at %s", mailbox->owner);
	return false;
}

/* More than a page of them, and the callback may use the store. */
STORE_TEST(each)
{
	must(store_begin(store, error));
	for (unsigned i = 0; i < 600; i++) {
		g_autofree char *owner = g_strdup_printf("user%04u@corp.example", i);
		store_test_mailbox(owner);
	}
	must(store_commit(store, error));
	g_autoptr(GString) last = g_string_new(NULL);
	must(store_mailbox_each(store, count_and_write, last, error));
	ck_assert_str_eq(last->str, "user0599@corp.example");
	g_autofree char *seen = NULL;
	must(store_property_get(store, "user0300@corp.example", &seen, error));
	ck_assert_str_eq(seen, "seen");
	must_fail(store_mailbox_each(store, stop_at_once, NULL, error), "test.stop");
}

Suite *mailbox_suite(void)
{
	Suite *suite = suite_create("mailbox");
	TCase *tests = tcase_create("mailbox");
	tcase_set_timeout(tests, 60);
	store_test_add(tests, pinned);
	store_test_add(tests, changed_mapping_stops);
	store_test_add(tests, one_owner_per_mailbox);
	store_test_add(tests, remapped);
	store_test_add(tests, remap_takes_deliveries_along);
	store_test_add(tests, remap_of_unknown);
	store_test_add(tests, confirmed);
	store_test_add(tests, each);
	suite_add_tcase(suite, tests);
	return suite;
}
