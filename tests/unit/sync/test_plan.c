/*
 * The three-way decision by tables. An image is written "Name/Group,Group/tel"; "" is a contact
 * without anything, NULL is none.
 */
#include "sync/plan.h"

#include <check.h>
#include <string.h>

Suite *plan_suite(void);

enum flags {
	RULE_IM = 1 << 0,
	RULE_NEWEST = 1 << 1, /* times: ours 10, theirs 20 unless OURS_LATER */
	OURS_LATER = 1 << 2,
	NOT_TO_IM = 1 << 3,
	NOT_TO_MAILBOX = 1 << 4,
	IM_TEL = 1 << 5,
	NO_TIMES = 1 << 6,
};

struct row {
	const char *what;
	const char *agreed_im, *agreed_mail, *ours, *theirs;
	unsigned flags;
	const char *im_after, *mail_after;
	enum plan_op im, mail;
	bool agree;
	unsigned conflicts;
};

#define BOTH(image) image, image

static const struct row rows[] = {
        /* nothing and one side */
        {"nothing anywhere", BOTH(NULL), NULL, NULL, 0, BOTH(NULL), PLAN_KEEP, PLAN_KEEP, false, 0},
        {"all alike", BOTH("Bob/A/"), BOTH("Bob/A/"), 0, BOTH("Bob/A/"), PLAN_KEEP, PLAN_KEEP,
                false, 0},
        {"new on the IM side", BOTH(NULL), "Bob/A/", NULL, 0, BOTH("Bob/A/"), PLAN_KEEP,
                PLAN_CREATE, true, 0},
        {"new in the mailbox", BOTH(NULL), NULL, "Bob/A/", 0, BOTH("Bob/A/"), PLAN_CREATE,
                PLAN_KEEP, true, 0},
        {"new without a name", BOTH(NULL), "//", NULL, 0, BOTH("//"), PLAN_KEEP, PLAN_CREATE, true,
                0},
        {"new in the mailbox with a telephone, which the IM side cannot hold", BOTH(NULL), NULL,
                "Bob//tel:+1", 0, "Bob//", "Bob//tel:+1", PLAN_CREATE, PLAN_KEEP, true, 0},
        {"the same where the IM side can", BOTH(NULL), NULL, "Bob//tel:+1", IM_TEL,
                BOTH("Bob//tel:+1"), PLAN_CREATE, PLAN_KEEP, true, 0},
        /* deletions */
        {"gone on both", BOTH("Bob//"), NULL, NULL, 0, BOTH(NULL), PLAN_KEEP, PLAN_KEEP, true, 0},
        {"deleted on the IM side", BOTH("Bob/A/"), NULL, "Bob/A/", 0, BOTH(NULL), PLAN_KEEP,
                PLAN_DELETE, true, 0},
        {"deleted in the mailbox", BOTH("Bob/A/"), "Bob/A/", NULL, 0, BOTH(NULL), PLAN_DELETE,
                PLAN_KEEP, true, 0},
        {"deleted on the IM side, renamed in the mailbox", BOTH("Bob//"), NULL, "Rob//", 0,
                BOTH("Rob//"), PLAN_CREATE, PLAN_KEEP, true, 1},
        {"deleted in the mailbox, renamed on the IM side", BOTH("Bob//"), "Rob//", NULL, 0,
                BOTH("Rob//"), PLAN_KEEP, PLAN_CREATE, true, 1},
        {"deleted in the mailbox, moved on the IM side, though the rule says mailbox",
                BOTH("Bob/A/"), "Bob/B/", NULL, 0, BOTH("Bob/B/"), PLAN_KEEP, PLAN_CREATE, true, 1},
        {"deleted on the IM side, moved in the mailbox, though the rule says im", BOTH("Bob/A/"),
                NULL, "Bob/B/", RULE_IM, BOTH("Bob/B/"), PLAN_CREATE, PLAN_KEEP, true, 1},
        {"revived in the mailbox with the telephone that only it had", "Bob//", "Bob//tel:+1",
                "Rob//", NULL, 0, "Rob//", "Rob//tel:+1", PLAN_KEEP, PLAN_CREATE, true, 1},
        {"deleted on the IM side; the mailbox holds what the IM side never could", "Bob//",
                "Bob//tel:+1", NULL, "Bob//tel:+1", 0, BOTH(NULL), PLAN_KEEP, PLAN_DELETE, true, 0},
        {"deleted on the IM side, telephone changed in the mailbox", "Bob//", "Bob//tel:+1", NULL,
                "Bob//tel:+2", 0, "Bob//", "Bob//tel:+2", PLAN_CREATE, PLAN_KEEP, true, 1},
        /* name */
        {"renamed on the IM side", BOTH("Bob//"), "Rob//", "Bob//", 0, BOTH("Rob//"), PLAN_KEEP,
                PLAN_UPDATE, true, 0},
        {"renamed in the mailbox", BOTH("Bob//"), "Bob//", "Rob//", 0, BOTH("Rob//"), PLAN_UPDATE,
                PLAN_KEEP, true, 0},
        {"renamed alike on both", BOTH("Bob//"), BOTH("Rob//"), 0, BOTH("Rob//"), PLAN_KEEP,
                PLAN_KEEP, true, 0},
        {"renamed differently: mailbox", BOTH("Bob//"), "Rob//", "Bobby//", 0, BOTH("Bobby//"),
                PLAN_UPDATE, PLAN_KEEP, true, 1},
        {"renamed differently: im", BOTH("Bob//"), "Rob//", "Bobby//", RULE_IM, BOTH("Rob//"),
                PLAN_KEEP, PLAN_UPDATE, true, 1},
        {"renamed differently: newest, mailbox later", BOTH("Bob//"), "Rob//", "Bobby//",
                RULE_NEWEST, BOTH("Bobby//"), PLAN_UPDATE, PLAN_KEEP, true, 1},
        {"renamed differently: newest, IM side later", BOTH("Bob//"), "Rob//", "Bobby//",
                RULE_NEWEST | OURS_LATER, BOTH("Rob//"), PLAN_KEEP, PLAN_UPDATE, true, 1},
        {"renamed differently: newest, times not known", BOTH("Bob//"), "Rob//", "Bobby//",
                RULE_NEWEST | OURS_LATER | NO_TIMES, BOTH("Bobby//"), PLAN_UPDATE, PLAN_KEEP, true,
                1},
        {"name taken away on the IM side", BOTH("Bob//"), "//", "Bob//", 0, BOTH("//"), PLAN_KEEP,
                PLAN_UPDATE, true, 0},
        {"name taken away in the mailbox", BOTH("Bob//"), "Bob//", "//", 0, BOTH("//"), PLAN_UPDATE,
                PLAN_KEEP, true, 0},
        {"name taken away there, changed here", BOTH("Bob//"), "Rob//", "//", RULE_IM,
                BOTH("Rob//"), PLAN_KEEP, PLAN_UPDATE, true, 1},
        {"name given on the IM side", BOTH("//"), "Bob//", "//", 0, BOTH("Bob//"), PLAN_KEEP,
                PLAN_UPDATE, true, 0},
        {"the server made a name of its own, as agreed", "//", "bob//", "//", "bob//", 0, "//",
                "bob//", PLAN_KEEP, PLAN_KEEP, false, 0},
        {"then the IM side names it", "//", "bob//", "Bob B//", "bob//", 0, BOTH("Bob B//"),
                PLAN_KEEP, PLAN_UPDATE, true, 0},
        /* groups */
        {"added to a group on the IM side", BOTH("Bob/A/"), "Bob/A,B/", "Bob/A/", 0,
                BOTH("Bob/A,B/"), PLAN_KEEP, PLAN_UPDATE, true, 0},
        {"added to a group in the mailbox", BOTH("Bob/A/"), "Bob/A/", "Bob/A,B/", 0,
                BOTH("Bob/A,B/"), PLAN_UPDATE, PLAN_KEEP, true, 0},
        {"added to two groups, one on each side", BOTH("Bob/A/"), "Bob/A,B/", "Bob/A,C/", 0,
                BOTH("Bob/A,B,C/"), PLAN_UPDATE, PLAN_UPDATE, true, 0},
        {"added here, removed there", BOTH("Bob/A/"), "Bob/A,B/", "Bob//", 0, BOTH("Bob/B/"),
                PLAN_UPDATE, PLAN_UPDATE, true, 0},
        {"moved on the IM side", BOTH("Bob/A/"), "Bob/B/", "Bob/A/", 0, BOTH("Bob/B/"), PLAN_KEEP,
                PLAN_UPDATE, true, 0},
        {"moved in the mailbox", BOTH("Bob/A/"), "Bob/A/", "Bob/B/", 0, BOTH("Bob/B/"), PLAN_UPDATE,
                PLAN_KEEP, true, 0},
        {"moved to two different groups", BOTH("Bob/A/"), "Bob/B/", "Bob/C/", 0, BOTH("Bob/B,C/"),
                PLAN_UPDATE, PLAN_UPDATE, true, 0},
        {"moved alike", BOTH("Bob/A/"), BOTH("Bob/B/"), 0, BOTH("Bob/B/"), PLAN_KEEP, PLAN_KEEP,
                true, 0},
        {"removed from the last group on the IM side", BOTH("Bob/A/"), "Bob//", "Bob/A/", 0,
                BOTH("Bob//"), PLAN_KEEP, PLAN_UPDATE, true, 0},
        {"removed from the same group on both", BOTH("Bob/A,B/"), BOTH("Bob/B/"), 0, BOTH("Bob/B/"),
                PLAN_KEEP, PLAN_KEEP, true, 0},
        {"removed from one group each", BOTH("Bob/A,B/"), "Bob/A/", "Bob/B/", 0, BOTH("Bob//"),
                PLAN_UPDATE, PLAN_UPDATE, true, 0},
        {"group names differ in case: two groups", BOTH("Bob/a/"), "Bob/a/", "Bob/A/", 0,
                BOTH("Bob/A/"), PLAN_UPDATE, PLAN_KEEP, true, 0},
        {"group names in two Unicode forms: one group", BOTH("Bob/\xC3\xBC/"), "Bob/u\xCC\x88/",
                "Bob/\xC3\xBC/", 0, BOTH("Bob/\xC3\xBC/"), PLAN_KEEP, PLAN_KEEP, false, 0},
        /* several fields */
        {"renamed here, moved there", BOTH("Bob/A/"), "Rob/A/", "Bob/B/", 0, BOTH("Rob/B/"),
                PLAN_UPDATE, PLAN_UPDATE, true, 0},
        {"renamed in the mailbox, added to a group on the IM side", BOTH("Bob/A/"), "Bob/A,B/",
                "Rob/A/", RULE_IM, BOTH("Rob/A,B/"), PLAN_UPDATE, PLAN_UPDATE, true, 0},
        {"conflict in the name, groups of both survive", BOTH("Bob/A/"), "Rob/A,B/", "Bobby/A,C/",
                0, BOTH("Bobby/A,B,C/"), PLAN_UPDATE, PLAN_UPDATE, true, 1},
        /* telephone */
        {"telephone changed in the mailbox, the IM side holds none", "Bob//", "Bob//tel:+1",
                "Bob//", "Bob//tel:+2", 0, "Bob//", "Bob//tel:+2", PLAN_KEEP, PLAN_KEEP, true, 0},
        {"telephone kept in the mailbox while the name comes from the IM side", "Bob//",
                "Bob//tel:+1", "Rob//", "Bob//tel:+1", 0, "Rob//", "Rob//tel:+1", PLAN_KEEP,
                PLAN_UPDATE, true, 0},
        {"telephone changed on the IM side", BOTH("Bob//tel:+1"), "Bob//tel:+2", "Bob//tel:+1",
                IM_TEL, BOTH("Bob//tel:+2"), PLAN_KEEP, PLAN_UPDATE, true, 0},
        {"telephone in conflict", BOTH("Bob//tel:+1"), "Bob//tel:+2", "Bob//tel:+3", IM_TEL,
                BOTH("Bob//tel:+3"), PLAN_UPDATE, PLAN_KEEP, true, 1},
        {"telephone taken away in the mailbox", BOTH("Bob//tel:+1"), "Bob//tel:+1", "Bob//", IM_TEL,
                BOTH("Bob//"), PLAN_UPDATE, PLAN_KEEP, true, 0},
        {"name and telephone in conflict", BOTH("Bob//tel:+1"), "Rob//tel:+2", "Bobby//tel:+3",
                IM_TEL | RULE_IM, BOTH("Rob//tel:+2"), PLAN_KEEP, PLAN_UPDATE, true, 2},
        /* linking */
        {"the same person on both, alike", BOTH(NULL), BOTH("Bob/A/"), 0, BOTH("Bob/A/"), PLAN_KEEP,
                PLAN_KEEP, true, 0},
        {"the same person, groups are united", BOTH(NULL), "Bob/A/", "Bob/B/", 0, BOTH("Bob/A,B/"),
                PLAN_UPDATE, PLAN_UPDATE, true, 0},
        {"the same person, named on the IM side only", BOTH(NULL), "Bob//", "//", 0, BOTH("Bob//"),
                PLAN_KEEP, PLAN_UPDATE, true, 0},
        {"the same person, named in the mailbox only", BOTH(NULL), "//", "Bob//", 0, BOTH("Bob//"),
                PLAN_UPDATE, PLAN_KEEP, true, 0},
        {"the same person, two names", BOTH(NULL), "Bob//", "Rob//", 0, BOTH("Rob//"), PLAN_UPDATE,
                PLAN_KEEP, true, 1},
        {"the same person, two names, the IM side rules", BOTH(NULL), "Bob//", "Rob//", RULE_IM,
                BOTH("Bob//"), PLAN_KEEP, PLAN_UPDATE, true, 1},
        {"the same person, the telephone stays where it is", BOTH(NULL), "Bob//", "Bob//tel:+1", 0,
                "Bob//", "Bob//tel:+1", PLAN_KEEP, PLAN_KEEP, true, 0},
        {"the same person, neither named", BOTH(NULL), BOTH("//"), 0, BOTH("//"), PLAN_KEEP,
                PLAN_KEEP, true, 0},
        /* directions */
        {"new in the mailbox, not to be carried over", BOTH(NULL), NULL, "Bob//", NOT_TO_IM, NULL,
                "Bob//", PLAN_KEEP, PLAN_KEEP, false, 0},
        {"new on the IM side, not to be carried over", BOTH(NULL), "Bob//", NULL, NOT_TO_MAILBOX,
                "Bob//", NULL, PLAN_KEEP, PLAN_KEEP, false, 0},
        {"deleted in the mailbox, not to be carried over", BOTH("Bob//"), "Bob//", NULL, NOT_TO_IM,
                "Bob//", NULL, PLAN_KEEP, PLAN_KEEP, false, 0},
        {"deleted on the IM side, not to be carried over", BOTH("Bob//"), NULL, "Bob//",
                NOT_TO_MAILBOX, NULL, "Bob//", PLAN_KEEP, PLAN_KEEP, false, 0},
        {"renamed in the mailbox, not to be carried over", BOTH("Bob//"), "Bob//", "Rob//",
                NOT_TO_IM, "Bob//", "Rob//", PLAN_KEEP, PLAN_KEEP, true, 0},
        {"then renamed on the IM side", "Bob//", "Rob//", "Bobby//", "Rob//", NOT_TO_IM,
                BOTH("Bobby//"), PLAN_KEEP, PLAN_UPDATE, true, 0},
        {"deleted in the mailbox, not to be carried over, but changed here", BOTH("Bob//"), "Rob//",
                NULL, NOT_TO_IM, BOTH("Rob//"), PLAN_KEEP, PLAN_CREATE, true, 1},
        {"both ways closed", BOTH("Bob/A/"), "Bob/B/", "Rob/A/", NOT_TO_IM | NOT_TO_MAILBOX,
                "Bob/B/", "Rob/A/", PLAN_KEEP, PLAN_KEEP, true, 0},
};

static struct contact *image(const char *text)
{
	if (text == NULL)
		return NULL;
	g_auto(GStrv) parts = g_strsplit(text, "/", 3);
	struct contact *contact = contact_new("bob@im.example", parts[0]);
	g_auto(GStrv) names = g_strsplit(parts[1], ",", -1);
	for (char **name = names; *name != NULL; name++)
		contact_add_group(contact, *name);
	contact->tel_uri = parts[2][0] != '\0' ? g_strdup(parts[2]) : NULL;
	return contact;
}

static char *text_of(const struct contact *contact)
{
	if (contact == NULL)
		return g_strdup("(none)");
	GString *text = g_string_new(contact->name);
	for (guint i = 0; i < contact->groups->len; i++)
		g_string_append_printf(text, "%c%s", i == 0 ? '/' : ',',
		        (const char *)g_ptr_array_index(contact->groups, i));
	g_string_append_printf(text, "/%s", contact->tel_uri != NULL ? contact->tel_uri : "");
	return g_string_free(text, FALSE);
}

static void assert_image(const char *what, const struct contact *got, const char *wanted)
{
	struct contact *expected = image(wanted);
	g_autofree char *got_text = text_of(got);
	g_autofree char *wanted_text = text_of(expected);
	ck_assert_msg(g_str_equal(got_text, wanted_text), "%s: got %s, wanted %s", what, got_text,
	        wanted_text);
	if (expected != NULL)
		contact_free(expected);
}

static struct plan_policy policy_of(unsigned flags)
{
	return (struct plan_policy){
	        .rule = flags & RULE_IM       ? PLAN_RULE_IM
	                : flags & RULE_NEWEST ? PLAN_RULE_NEWEST
	                                      : PLAN_RULE_MAILBOX,
	        .to_im = !(flags & NOT_TO_IM),
	        .to_mailbox = !(flags & NOT_TO_MAILBOX),
	        .im_holds_tel = (flags & IM_TEL) != 0,
	};
}

static void free_image(const struct contact *contact)
{
	if (contact != NULL)
		contact_free((struct contact *)(uintptr_t)contact);
}

START_TEST(decides_one_contact)
{
	const struct row *test = &rows[_i];
	struct plan_row row = {
	        .key = "bob@im.example",
	        .agreed_im = image(test->agreed_im),
	        .agreed_mail = image(test->agreed_mail),
	        .ours = image(test->ours),
	        .theirs = image(test->theirs),
	        .ours_changed_utc_us = test->flags & NO_TIMES     ? 0
	                               : test->flags & OURS_LATER ? 30
	                                                          : 10,
	        .theirs_changed_utc_us = 20,
	};
	struct plan_policy policy = policy_of(test->flags);
	struct plan_decision decision;
	plan_contact(&row, &policy, &decision);
	assert_image(test->what, decision.im_after, test->im_after);
	assert_image(test->what, decision.mail_after, test->mail_after);
	ck_assert_msg(
	        decision.im == test->im, "%s: IM side: %s", test->what, plan_op_name(decision.im));
	ck_assert_msg(decision.mail == test->mail, "%s: mailbox: %s", test->what,
	        plan_op_name(decision.mail));
	ck_assert_msg(decision.agree == test->agree, "%s: agree", test->what);
	ck_assert_msg(decision.conflicts->len == test->conflicts, "%s: %u conflicts", test->what,
	        decision.conflicts->len);
	plan_decision_clear(&decision);
	free_image(row.agreed_im);
	free_image(row.agreed_mail);
	free_image(row.ours);
	free_image(row.theirs);
}
END_TEST

/* What was decided, once both sides hold it, is agreed on for good: nothing is left to do. */
START_TEST(decision_is_stable)
{
	const struct row *test = &rows[_i];
	struct plan_row row = {
	        .key = "bob@im.example",
	        .agreed_im = image(test->im_after),
	        .agreed_mail = image(test->mail_after),
	        .ours = image(test->im_after),
	        .theirs = image(test->mail_after),
	};
	if (row.agreed_im != NULL && row.agreed_mail != NULL) {
		struct plan_policy policy = policy_of(test->flags);
		struct plan_decision decision;
		plan_contact(&row, &policy, &decision);
		ck_assert_msg(decision.im == PLAN_KEEP && decision.mail == PLAN_KEEP &&
		                      !decision.agree && decision.conflicts->len == 0,
		        "%s: not stable", test->what);
		plan_decision_clear(&decision);
	}
	free_image(row.agreed_im);
	free_image(row.agreed_mail);
	free_image(row.ours);
	free_image(row.theirs);
}
END_TEST

START_TEST(many_mailboxes_do_not_lose_at_once)
{
	ck_assert(!plan_mass_loss(5, 10)); /* a few are a few in a small place */
	ck_assert(plan_mass_loss(6, 10));
	ck_assert(!plan_mass_loss(20, 1000));
	ck_assert(plan_mass_loss(21, 1000));
	ck_assert(!plan_mass_loss(1, 0));
}
END_TEST

/* Taken off and added anew in the mailbox: that is a change, whatever it looks like. */
START_TEST(added_anew_wins_against_a_deletion)
{
	autoptr(contact) agreed = image("Bob//");
	struct plan_row row = {
	        "bob@im.example", agreed, agreed, NULL, agreed, NULL, false, 0, 0, true, NULL};
	struct plan_policy policy = policy_of(0);
	struct plan_decision decision;
	plan_contact(&row, &policy, &decision);
	ck_assert_int_eq(decision.im, PLAN_CREATE);
	ck_assert_uint_eq(decision.conflicts->len, 1);
	plan_decision_clear(&decision);
	row.ours = agreed;
	plan_contact(&row, &policy, &decision);
	ck_assert_int_eq(decision.im, PLAN_KEEP);
	ck_assert(decision.agree); /* on the other item */
	plan_decision_clear(&decision);
}
END_TEST

/* Theirs is a user's own item, which takes the place of the one that ours was agreed on with. */
START_TEST(linking_records_what_it_brings_back)
{
	autoptr(contact) before = image("Bob/A,B/");
	autoptr(contact) ours = image("Bob/A/");
	autoptr(contact) theirs = image("Bob/B/");
	struct plan_row row = {
	        .key = "bob@im.example", .ours = ours, .theirs = theirs, .overtaken_im = before};
	struct plan_policy policy = policy_of(0);
	struct plan_decision decision;
	plan_contact(&row, &policy, &decision);
	assert_image("linked", decision.im_after, "Bob/A,B/");
	assert_image("linked", decision.mail_after, "Bob/A,B/");
	ck_assert_uint_eq(decision.conflicts->len, 1);
	const struct plan_conflict *conflict = g_ptr_array_index(decision.conflicts, 0);
	ck_assert_str_eq(conflict->field, "group B");
	ck_assert_str_eq(conflict->im_value, "no");
	ck_assert_str_eq(conflict->mail_value, "yes");
	plan_decision_clear(&decision);
	row.ours = NULL;
	plan_contact(&row, &policy, &decision);
	ck_assert_int_eq(decision.im, PLAN_CREATE);
	ck_assert_uint_eq(decision.conflicts->len, 1);
	plan_decision_clear(&decision);
}
END_TEST

START_TEST(conflict_keeps_both_values)
{
	autoptr(contact) agreed = image("Bob//");
	autoptr(contact) ours = image("Rob//");
	autoptr(contact) theirs = image("Bobby//");
	struct plan_row row = {
	        "bob@im.example", agreed, agreed, ours, theirs, NULL, false, 0, 0, false, NULL};
	struct plan_policy policy = policy_of(0);
	struct plan_decision decision;
	plan_contact(&row, &policy, &decision);
	ck_assert_uint_eq(decision.conflicts->len, 1);
	const struct plan_conflict *conflict = g_ptr_array_index(decision.conflicts, 0);
	ck_assert_str_eq(conflict->field, "name");
	ck_assert_str_eq(conflict->im_value, "Rob");
	ck_assert_str_eq(conflict->mail_value, "Bobby");
	ck_assert(conflict->mailbox_won);
	plan_decision_clear(&decision);
}
END_TEST

static const struct {
	const char *what;
	uint64_t ours, theirs, im_deleted, mail_deleted;
	unsigned percent;
	enum plan_verdict verdict;
} guards[] = {
        {"nothing deleted", 100, 100, 0, 0, 20, PLAN_GO},
        {"five of ten: few", 10, 5, 5, 0, 20, PLAN_GO},
        {"six of ten", 10, 4, 6, 0, 20, PLAN_STOP},
        {"six of ten in the mailbox", 4, 10, 0, 6, 20, PLAN_STOP},
        {"twenty of a hundred", 100, 80, 20, 0, 20, PLAN_GO},
        {"twenty-one of a hundred", 100, 79, 21, 0, 20, PLAN_STOP},
        {"six of ten when sixty percent are allowed", 10, 4, 6, 0, 60, PLAN_GO},
        {"the mailbox is empty, five would go", 5, 0, 5, 0, 20, PLAN_CONFIRM},
        {"the mailbox is empty, one would go", 1, 0, 1, 0, 20, PLAN_CONFIRM},
        {"the roster is empty, five would go", 0, 5, 0, 5, 20, PLAN_CONFIRM},
        {"the mailbox is empty, six would go", 6, 0, 6, 0, 20, PLAN_STOP},
        {"the roster is empty, everything would go", 0, 500, 0, 500, 99, PLAN_STOP},
        {"both are empty", 0, 0, 0, 0, 20, PLAN_GO},
        {"the mailbox is empty, nothing goes", 7, 0, 0, 0, 20, PLAN_GO},
};

START_TEST(guards_against_mass_deletion)
{
	struct plan_counts counts = {
	        .ours = guards[_i].ours,
	        .theirs = guards[_i].theirs,
	        .im_deleted = guards[_i].im_deleted,
	        .mail_deleted = guards[_i].mail_deleted,
	};
	ck_assert_msg(plan_guard(&counts, guards[_i].percent) == guards[_i].verdict, "%s",
	        guards[_i].what);
}
END_TEST

/*
 * Renamed groups. A list is "contact:Group,Group contact:Group"; objects are "agreed>now" (or
 * "now" of a new one).
 */
static const struct {
	const char *what;
	const char *agreed, *ours, *theirs, *objects;
	unsigned flags;
	const char *renames; /* "from>to" by the mailbox, "from=>to" on it; conflict "!lost" */
} renames[] = {
        {"none", "a:G b:G", "a:G b:G", "a:G b:G", "G>G", 0, ""},
        {"by the mailbox", "a:G b:G", "a:G b:G", "a:M b:M", "G>M", 0, "G>M"},
        {"by the mailbox while the IM side adds a member", "a:G", "a:G b:G", "a:M", "G>M", 0,
                "G>M"},
        {"on the IM side", "a:G b:G", "a:N b:N", "a:G b:G", "G>G", 0, "G=>N"},
        {"on the IM side, one member also leaves the list", "a:G b:G", "a:N", "a:G b:G", "G>G", 0,
                "G=>N"},
        {"on the IM side, a new contact is in it at once", "a:G", "a:N c:N", "a:G", "G>G", 0,
                "G=>N"},
        {"one member stays", "a:G b:G", "a:N b:G", "a:G b:G", "G>G", 0, ""},
        {"members go to two groups", "a:G b:G", "a:N b:O", "a:G b:G", "G>G", 0, ""},
        {"all go to two new groups at once", "a:G", "a:N,O", "a:G", "G>G", 0, ""},
        {"to a group that was there", "a:G b:H", "a:H b:H", "a:G b:H", "G>G H>H", 0, ""},
        {"to a name that is empty in the mailbox", "a:G", "a:N", "a:G", "G>G N", 0, ""},
        {"two groups are made one", "a:G b:H", "a:N b:N", "a:G b:H", "G>G H>H", 0, ""},
        {"the mailbox has added a member meanwhile", "a:G", "a:N", "a:G b:G", "G>G", 0, ""},
        {"the mailbox has lost a member meanwhile", "a:G b:G", "a:N b:N", "a:G b:", "G>G", 0, ""},
        {"on both sides alike", "a:G", "a:N", "a:N", "G>N", 0, "G>N"},
        {"on both sides differently: mailbox", "a:G", "a:N", "a:M", "G>M", 0, "G>M!N"},
        {"on both sides differently: im", "a:G", "a:N", "a:M", "G>M", RULE_IM, "G=>N!M"},
        {"the members leave for no group", "a:G b:G", "a: b:", "a:G b:G", "G>G", 0, ""},
        {"the IM side may not write to the mailbox", "a:G", "a:N", "a:G", "G>G", NOT_TO_MAILBOX,
                ""},
        {"two names are swapped in the mailbox", "a:G b:H", "a:G b:H", "a:H b:G", "G>H H>G", 0,
                "G>H H>G"},
};

static GHashTable *list_of(const char *text)
{
	GHashTable *list = g_hash_table_new_full(
	        g_str_hash, g_str_equal, g_free, (GDestroyNotify)contact_free);
	g_auto(GStrv) entries = g_strsplit(text, " ", -1);
	for (char **entry = entries; *entry != NULL && **entry != '\0'; entry++) {
		g_auto(GStrv) parts = g_strsplit(*entry, ":", 2);
		g_auto(GStrv) names = g_strsplit(parts[1], ",", -1);
		struct contact *contact = contact_new(parts[0], NULL);
		for (char **name = names; *name != NULL; name++)
			contact_add_group(contact, *name);
		g_hash_table_insert(list, g_strdup(parts[0]), contact);
	}
	return list;
}

static void show_rows(struct plan_groups *groups, int index)
{
	g_autoptr(GHashTable) agreed = list_of(renames[index].agreed);
	g_autoptr(GHashTable) ours = list_of(renames[index].ours);
	g_autoptr(GHashTable) theirs = list_of(renames[index].theirs);
	for (char letter = 'a'; letter <= 'z'; letter++) {
		char key[] = {letter, '\0'};
		struct plan_row row = {
		        .key = key,
		        .agreed_im = g_hash_table_lookup(agreed, key),
		        .agreed_mail = g_hash_table_lookup(agreed, key),
		        .ours = g_hash_table_lookup(ours, key),
		        .theirs = g_hash_table_lookup(theirs, key),
		};
		plan_groups_row(groups, &row);
	}
}

static void show_objects(struct plan_groups *groups, const char *text)
{
	g_auto(GStrv) objects = g_strsplit(text, " ", -1);
	for (char **object = objects; *object != NULL; object++) {
		g_auto(GStrv) parts = g_strsplit(*object, ">", 2);
		plan_groups_object(groups, parts[1] != NULL ? parts[0] : NULL,
		        parts[1] != NULL ? parts[1] : parts[0]);
	}
}

START_TEST(finds_renamed_groups)
{
	struct plan_policy policy = policy_of(renames[_i].flags);
	policy.group_objects = true;
	autoptr(plan_groups) groups = plan_groups_new(&policy);
	show_objects(groups, renames[_i].objects);
	show_rows(groups, _i);
	const GPtrArray *found = plan_groups_decide(groups);
	g_autoptr(GString) text = g_string_new(NULL);
	for (guint i = 0; i < found->len; i++) {
		const struct plan_rename *rename = g_ptr_array_index(found, i);
		g_string_append_printf(text, "%s%s%s%s%s%s", i > 0 ? " " : "", rename->from,
		        rename->by_mailbox ? ">" : "=>", rename->to, rename->conflict ? "!" : "",
		        rename->conflict ? rename->lost : "");
	}
	ck_assert_msg(
	        g_str_equal(text->str, renames[_i].renames), "%s: %s", renames[_i].what, text->str);
}
END_TEST

static struct contact *member(const char *key, const char *group)
{
	struct contact *contact = contact_new(key, NULL);
	if (group != NULL)
		contact_add_group(contact, group);
	return contact;
}

/* A group renamed in the mailbox: the IM side's members follow, the mailbox needs no write. */
START_TEST(rename_in_mailbox_moves_members)
{
	struct plan_policy policy = policy_of(0);
	policy.group_objects = true;
	autoptr(contact) in_g = member("a", "G");
	autoptr(contact) in_m = member("a", "M");
	autoptr(contact) fresh = member("b", "G");
	autoptr(plan_groups) groups = plan_groups_new(&policy);
	struct plan_row row = {"a", in_g, in_g, in_g, in_m, NULL, false, 0, 0, false, NULL};
	struct plan_row added = {"b", NULL, NULL, fresh, NULL, NULL, false, 0, 0, false, NULL};
	plan_groups_object(groups, "G", "M");
	plan_groups_row(groups, &row);
	plan_groups_row(groups, &added);
	plan_groups_decide(groups);
	struct plan_translation translation;
	struct plan_decision decision;
	plan_groups_translate(groups, &row, &translation);
	plan_contact(&translation.row, &policy, &decision);
	ck_assert_int_eq((int)decision.im, PLAN_UPDATE);
	ck_assert_int_eq((int)decision.mail, PLAN_KEEP);
	ck_assert(decision.agree);
	ck_assert(contact_equal(decision.im_after, in_m));
	plan_decision_clear(&decision);
	plan_translation_clear(&translation);
	/* The member that the IM side added to the old name follows, too. */
	plan_groups_translate(groups, &added, &translation);
	plan_contact(&translation.row, &policy, &decision);
	ck_assert_int_eq((int)decision.im, PLAN_UPDATE);
	ck_assert_int_eq((int)decision.mail, PLAN_CREATE);
	ck_assert(contact_in_group(decision.mail_after, "M"));
	ck_assert(!contact_in_group(decision.im_after, "G"));
	plan_decision_clear(&decision);
	plan_translation_clear(&translation);
}
END_TEST

/* A group renamed on the IM side is one operation on the mailbox, no write per member. */
START_TEST(rename_on_im_side_is_one_operation)
{
	struct plan_policy policy = policy_of(0);
	policy.group_objects = true;
	autoptr(contact) in_g = member("a", "G");
	autoptr(contact) in_n = member("a", "N");
	autoptr(plan_groups) groups = plan_groups_new(&policy);
	struct plan_row row = {"a", in_g, in_g, in_n, in_g, NULL, false, 0, 0, false, NULL};
	plan_groups_object(groups, "G", "G");
	plan_groups_row(groups, &row);
	ck_assert_uint_eq(plan_groups_decide(groups)->len, 1);
	struct plan_translation translation;
	struct plan_decision decision;
	plan_groups_translate(groups, &row, &translation);
	plan_contact(&translation.row, &policy, &decision);
	ck_assert_int_eq((int)decision.im, PLAN_KEEP);
	ck_assert_int_eq((int)decision.mail, PLAN_KEEP);
	ck_assert(decision.agree);
	plan_decision_clear(&decision);
	plan_translation_clear(&translation);
}
END_TEST

/* Members that leave a group of the server's own go one by one. */
START_TEST(a_group_of_the_servers_is_not_renamed)
{
	struct plan_policy policy = policy_of(0);
	policy.group_objects = true;
	autoptr(contact) in_g = member("a", "Favorites");
	autoptr(contact) in_n = member("a", "Best");
	autoptr(plan_groups) groups = plan_groups_new(&policy);
	struct plan_row row = {"a", in_g, in_g, in_n, in_g, NULL, false, 0, 0, false, NULL};
	plan_groups_object(groups, "Favorites", "Favorites");
	plan_groups_fixed(groups, "Favorites");
	plan_groups_row(groups, &row);
	ck_assert_uint_eq(plan_groups_decide(groups)->len, 0);
}
END_TEST

START_TEST(rule_names)
{
	for (int r = PLAN_RULE_MAILBOX; r <= PLAN_RULE_NEWEST; r++) {
		enum plan_rule back;
		ck_assert(plan_rule_parse(plan_rule_name((enum plan_rule)r), &back));
		ck_assert_int_eq((int)back, r);
	}
	enum plan_rule none;
	ck_assert(!plan_rule_parse("oldest", &none));
}
END_TEST

Suite *plan_suite(void)
{
	Suite *suite = suite_create("plan");
	TCase *tests = tcase_create("plan");
	tcase_add_loop_test(tests, decides_one_contact, 0, (int)G_N_ELEMENTS(rows));
	tcase_add_loop_test(tests, decision_is_stable, 0, (int)G_N_ELEMENTS(rows));
	tcase_add_test(tests, conflict_keeps_both_values);
	tcase_add_test(tests, linking_records_what_it_brings_back);
	tcase_add_test(tests, many_mailboxes_do_not_lose_at_once);
	tcase_add_test(tests, added_anew_wins_against_a_deletion);
	tcase_add_loop_test(tests, guards_against_mass_deletion, 0, (int)G_N_ELEMENTS(guards));
	tcase_add_loop_test(tests, finds_renamed_groups, 0, (int)G_N_ELEMENTS(renames));
	tcase_add_test(tests, rename_in_mailbox_moves_members);
	tcase_add_test(tests, rename_on_im_side_is_one_operation);
	tcase_add_test(tests, a_group_of_the_servers_is_not_renamed);
	tcase_add_test(tests, rule_names);
	suite_add_tcase(suite, tests);
	return suite;
}
