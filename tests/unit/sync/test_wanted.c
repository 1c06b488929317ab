/* plan_wanted(): what becomes of one contact that a person wants so. Images: see test_plan.c. */
#include "sync/plan.h"

#include <check.h>

Suite *wanted_suite(void);

enum flags {
	IM_TEL = 1 << 0,
	NOT_TO_MAILBOX = 1 << 1,
};

struct row {
	const char *what, *key;
	const char *agreed, *ours, *theirs, *wanted;
	unsigned flags;
	const char *im_after, *mail_after;
	enum plan_op im, mail;
	bool agree;
};

#define BOB "bob@x"

static const struct row rows[] = {
        {"as it is", BOB, "Bob/A/", "Bob/A/", "Bob/A/", "Bob/A/", 0, "Bob/A/", "Bob/A/", PLAN_KEEP,
                PLAN_KEEP, false},
        {"as it was, on neither side", BOB, NULL, NULL, NULL, "Bob/A/", 0, "Bob/A/", "Bob/A/",
                PLAN_CREATE, PLAN_CREATE, true},
        {"gone on both, wanted", BOB, "Bob//", NULL, NULL, "Bob//", 0, "Bob//", "Bob//",
                PLAN_CREATE, PLAN_CREATE, false},
        {"not wanted", BOB, "Bob/A/", "Bob/A/", "Bob/A/", NULL, 0, NULL, NULL, PLAN_DELETE,
                PLAN_DELETE, true},
        {"not wanted, changed on both sides", BOB, "Bob//", "Rob//", "Bert//", NULL, 0, NULL, NULL,
                PLAN_DELETE, PLAN_DELETE, true},
        {"both have changed it: what is wanted counts, without a conflict", BOB, "Bob//", "Rob//",
                "Bert/B/", "Bob/A/", 0, "Bob/A/", "Bob/A/", PLAN_UPDATE, PLAN_UPDATE, true},
        {"a telephone where the IM side holds none", BOB, "Bob//", "Bob//", "Bob//", "Bob//tel:+1",
                0, "Bob//", "Bob//tel:+1", PLAN_KEEP, PLAN_UPDATE, true},
        {"a telephone where it can", BOB, "Bob//", "Bob//", "Bob//", "Bob//tel:+1", IM_TEL,
                "Bob//tel:+1", "Bob//tel:+1", PLAN_UPDATE, PLAN_UPDATE, true},
        {"a telephone alone is for the mailbox", "tel:+1", NULL, NULL, NULL, "Tel//tel:+1", 0, NULL,
                "Tel//tel:+1", PLAN_KEEP, PLAN_CREATE, false},
        {"the mailbox is not to be written", BOB, "Bob//", "Bob//", "Bob//", "Rob//",
                NOT_TO_MAILBOX, "Rob//", "Bob//", PLAN_UPDATE, PLAN_KEEP, true},
        {"and goes on the IM side alone", BOB, "Bob//", "Bob//", "Bob//", NULL, NOT_TO_MAILBOX,
                NULL, "Bob//", PLAN_DELETE, PLAN_KEEP, false},
};

static struct contact *image(const char *key, const char *text)
{
	if (text == NULL)
		return NULL;
	g_auto(GStrv) parts = g_strsplit(text, "/", 3);
	struct contact *contact = contact_new(key, parts[0]);
	contact_add_group(contact, parts[1]);
	contact->tel_uri = parts[2][0] != '\0' ? g_strdup(parts[2]) : NULL;
	return contact;
}

static void check_image(
        const struct row *row, const char *side, const struct contact *got, const char *expected)
{
	struct contact *wanted = image(row->key, expected);
	ck_assert_msg((got == NULL) == (wanted == NULL), "%s: %s", row->what, side);
	ck_assert_msg(got == NULL || contact_equal(got, wanted), "%s: %s is %s", row->what, side,
	        got != NULL ? got->name : "");
	if (wanted != NULL)
		contact_free(wanted);
}

START_TEST(decided)
{
	const struct row *row = &rows[_i];
	struct contact *images[] = {image(row->key, row->agreed), image(row->key, row->agreed),
	        image(row->key, row->ours), image(row->key, row->theirs),
	        image(row->key, row->wanted)};
	const struct plan_row plan_row = {.key = row->key,
	        .agreed_im = images[0],
	        .agreed_mail = images[1],
	        .ours = images[2],
	        .theirs = images[3]};
	const struct plan_policy policy = {.to_im = true,
	        .to_mailbox = !(row->flags & NOT_TO_MAILBOX),
	        .im_holds_tel = row->flags & IM_TEL};
	struct plan_decision decision;
	plan_wanted(&plan_row, images[4], &policy, &decision);
	check_image(row, "IM side", decision.im_after, row->im_after);
	check_image(row, "mailbox", decision.mail_after, row->mail_after);
	ck_assert_msg(decision.im == row->im && decision.mail == row->mail, "%s: %s, %s", row->what,
	        plan_op_name(decision.im), plan_op_name(decision.mail));
	ck_assert_msg(decision.agree == row->agree, "%s: agree", row->what);
	ck_assert_uint_eq(decision.conflicts->len, 0);
	plan_decision_clear(&decision);
	for (unsigned i = 0; i < G_N_ELEMENTS(images); i++)
		if (images[i] != NULL)
			contact_free(images[i]);
}
END_TEST

Suite *wanted_suite(void)
{
	Suite *suite = suite_create("wanted");
	TCase *tests = tcase_create("wanted");
	tcase_add_loop_test(tests, decided, 0, (int)G_N_ELEMENTS(rows));
	suite_add_tcase(suite, tests);
	return suite;
}
