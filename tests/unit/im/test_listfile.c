/* Contact lists in files: round trips of random lists, and files that are odd or broken. */
#include "im/listfile.h"

#include "core/error.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *listfile_suite(void);

#define NAMES_TEXT "abcXYZ ,;:\\\"'<>&/\n\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80"

static const char *const format_names[] = {"json", "vcard", "xep0227"};

static void note(void *data, const char *what, const char *why)
{
	g_string_append_printf(data, "%s: %s\n", what, why);
}

static GPtrArray *read_text(
        enum listfile_format format, const char *text, GString *notes, GError **error)
{
	const struct listfile_sink sink = {note, notes};
	return listfile_read(format, text, strlen(text), &sink, error);
}

static GPtrArray *must_read(enum listfile_format format, const char *text, GString *notes)
{
	g_autoptr(GError) error = NULL;
	GPtrArray *lists = read_text(format, text, notes, &error);
	ck_assert_msg(
	        lists != NULL, "%s: %s", format_names[format], error != NULL ? error->message : "");
	return lists;
}

static const struct contact *contact_at(const GPtrArray *lists, guint list, guint i)
{
	const struct listfile *one = g_ptr_array_index(lists, list);
	ck_assert_uint_lt(i, one->contacts->len);
	return g_ptr_array_index(one->contacts, i);
}

static char *random_text(GRand *rand, int length)
{
	GString *text = g_string_new(NULL);
	long characters = g_utf8_strlen(NAMES_TEXT, -1);
	for (int i = 0; i < length; i++) {
		const char *at = g_utf8_offset_to_pointer(
		        NAMES_TEXT, g_rand_int_range(rand, 0, (gint32)characters));
		g_string_append_unichar(text, g_utf8_get_char(at));
	}
	return g_string_free(text, FALSE);
}

static struct listfile *random_list(GRand *rand, int number)
{
	g_autofree char *owner = g_strdup_printf("owner%d@im%d.example", number, number % 3);
	struct listfile *list = listfile_new(owner);
	list->stamped = true;
	list->in_mailbox = g_rand_boolean(rand);
	list->generation = g_rand_int_range(rand, 0, 1000);
	list->taken_utc_us = INT64_C(1764000000000000) + g_rand_int(rand);
	for (int i = g_rand_int_range(rand, 0, 12); i > 0; i--) {
		bool tel = g_rand_int_range(rand, 0, 6) == 0;
		g_autofree char *key =
		        g_strdup_printf(tel ? "tel:+49%d" : "user,%d;\xc3\xbc@im.example", i);
		g_autofree char *name = random_text(rand, g_rand_int_range(rand, 0, 60));
		struct contact *contact = contact_new(key, name);
		if (tel || g_rand_boolean(rand))
			contact->tel_uri = g_strdup(tel ? key : "tel:+4912345");
		for (int g = g_rand_int_range(rand, 0, 4); g > 0; g--) {
			g_autofree char *group = random_text(rand, 8);
			contact_add_group(contact, group);
		}
		g_ptr_array_add(list->contacts, contact);
	}
	return list;
}

static int by_key(const void *a, const void *b)
{
	const struct contact *const *first = a, *const *second = b;
	return strcmp((*first)->key, (*second)->key);
}

static bool same_list(const struct listfile *a, const struct listfile *b)
{
	bool same = g_strcmp0(a->owner, b->owner) == 0 && a->stamped == b->stamped &&
	            a->in_mailbox == b->in_mailbox && a->generation == b->generation &&
	            a->taken_utc_us == b->taken_utc_us && a->contacts->len == b->contacts->len;
	g_ptr_array_sort(a->contacts, by_key);
	g_ptr_array_sort(b->contacts, by_key);
	for (guint i = 0; same && i < a->contacts->len; i++)
		same = contact_equal(
		        g_ptr_array_index(a->contacts, i), g_ptr_array_index(b->contacts, i));
	return same;
}

static void free_list(void *list)
{
	listfile_free(list);
}

START_TEST(round_trip)
{
	enum listfile_format format = (enum listfile_format)_i;
	const char *given = g_getenv("IMEX_TEST_SEED");
	unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : g_random_int();
	g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
	for (int run = 0; run < 200; run++) {
		g_autoptr(GPtrArray) lists = g_ptr_array_new_with_free_func(free_list);
		g_autoptr(GString) notes = g_string_new(NULL);
		for (int i = g_rand_int_range(rand, 0, 4); i > 0; i--)
			g_ptr_array_add(lists, random_list(rand, i));
		const struct listfile_sink sink = {note, notes};
		g_autofree char *text = listfile_write(format, lists, &sink, NULL);
		enum listfile_format guessed = LISTFILE_JSON;
		g_autoptr(GPtrArray) back = must_read(format, text, notes);
		ck_assert_msg(lists->len == 0 || (listfile_guess(text, strlen(text), &guessed) &&
		                                         guessed == format),
		        "seed %u: guessed %s", seed, format_names[guessed]);
		ck_assert_msg(notes->len == 0, "seed %u: %s", seed, notes->str);
		ck_assert_msg(back->len == lists->len, "seed %u: %u lists", seed, back->len);
		for (guint i = 0; i < lists->len; i++)
			ck_assert_msg(same_list(lists->pdata[i], back->pdata[i]),
			        "seed %u, run %d: list %u differs:\n%s", seed, run, i, text);
	}
}
END_TEST

/* RFC 6350, 3.2: at most 75 octets, CRLF, and no character is cut in two. */
START_TEST(vcard_lines)
{
	g_autoptr(GPtrArray) lists = g_ptr_array_new_with_free_func(free_list);
	g_autoptr(GString) name = g_string_new(NULL);
	for (int i = 0; i < 100; i++)
		g_string_append(name, i % 7 == 0 ? "x" : "\xe2\x82\xac");
	struct listfile *list = listfile_new("alice@im.example");
	g_ptr_array_add(list->contacts, contact_new("bob@im.example", name->str));
	g_ptr_array_add(lists, list);
	g_autofree char *text = listfile_write(LISTFILE_VCARD, lists, NULL, NULL);
	g_auto(GStrv) lines = g_strsplit(text, "\r\n", -1);
	bool folded = false;
	for (char **line = lines; *line != NULL; line++) {
		ck_assert_msg(strlen(*line) <= 75, "%zu octets: %s", strlen(*line), *line);
		ck_assert(g_utf8_validate(*line, -1, NULL) && strchr(*line, '\n') == NULL);
		folded = folded || **line == ' ';
	}
	ck_assert(folded);
}
END_TEST

struct odd {
	enum listfile_format format;
	const char *text;
	unsigned contacts, notes; /* of the first list; left out */
	const char *first_key, *first_name;
};

#define JSON_LIST(contacts)                                                                        \
	"{\"format\":\"imex-contacts\",\"version\":1,\"lists\":[{\"owner\":\"a@x\",\"contacts\":"  \
	"[" contacts "]}]}"
#define CARD(lines) "BEGIN:VCARD\r\nVERSION:4.0\r\n" lines "END:VCARD\r\n"
#define ROSTER(items)                                                                              \
	"<server-data xmlns='urn:xmpp:pie:0'><host jid='x'><user name='a'>"                        \
	"<query xmlns='jabber:iq:roster'>" items "</query></user></host></server-data>"

static const struct odd odd_files[] = {
        {LISTFILE_JSON, JSON_LIST(""), 0, 0, NULL, NULL},
        {LISTFILE_JSON, JSON_LIST("{\"address\":\"b@x\"},{\"address\":\"a b\"},7"), 1, 2, "b@x",
                NULL},
        {LISTFILE_JSON, JSON_LIST("{\"address\":\"B@X\",\"name\":\"B\"},{\"address\":\"b@x\"}"), 1,
                1, "b@x", "B"},
        {LISTFILE_JSON, JSON_LIST("{\"address\":\"b@x\",\"groups\":[1]},{\"name\":\"no\"}"), 0, 2,
                NULL, NULL},
        {LISTFILE_JSON, JSON_LIST("{\"address\":\"b@x\",\"telephone\":\"c@x\"}"), 0, 1, NULL, NULL},
        {LISTFILE_VCARD, CARD("FN:B\\, b\r\nIMPP:xmpp:b@x\r\n"), 1, 0, "b@x", "B, b"},
        {LISTFILE_VCARD, CARD("FN:B\r\n b\r\nIMPP:xmpp:b\r\n %40x\r\n"), 1, 0, "b@x", "Bb"},
        {LISTFILE_VCARD, CARD("N:Bee;Bob;;;\nIMPP;PREF=2:sip:z@x\nIMPP;PREF=1:sip:b@x;a=b\n"), 1, 0,
                "b@x", "Bob Bee"},
        {LISTFILE_VCARD, CARD("FN:nobody\r\n") CARD("FN:T\r\nTEL;VALUE=uri:tel:+49-1\r\n"), 1, 1,
                "tel:+491", "T"},
        {LISTFILE_VCARD, "BEGIN:VCARD\nVERSION:2.1\nEND:VCARD\n" CARD("IMPP:im:b@x\n"), 1, 1, "b@x",
                NULL},
        {LISTFILE_VCARD, CARD("IMPP:aim:b\r\nX-JABBER:b@x\r\n"), 1, 0, "b@x", NULL},
        {LISTFILE_XEP0227, ROSTER(""), 0, 0, NULL, NULL},
        {LISTFILE_XEP0227, ROSTER("<item jid='b@x/r' name='B'/><item/><item jid='a b'/>"), 1, 2,
                "b@x", "B"},
        {LISTFILE_XEP0227, ROSTER("<item jid='b@x' subscription='remove'/><item jid='c@x'/>"), 1, 0,
                "c@x", NULL},
        {LISTFILE_XEP0227, ROSTER("<item jid='b@x'/><item jid='B@x'/>"), 1, 1, "b@x", NULL},
        /* Who is blocked is not moved; that is said once for each list. */
        {LISTFILE_XEP0227,
                ROSTER("<item jid='b@x'/></query><blocklist xmlns='urn:xmpp:blocking'><item "
                       "jid='e@x'/></blocklist><query xmlns='jabber:iq:privacy'><list "
                       "name='l'><item type='jid' value='f@x' action='deny' order='1'/></list>"),
                1, 1, "b@x", NULL},
};

START_TEST(odd_entries)
{
	const struct odd *odd = &odd_files[_i];
	g_autoptr(GString) notes = g_string_new(NULL);
	g_autoptr(GPtrArray) lists = must_read(odd->format, odd->text, notes);
	unsigned count = 0;
	for (const char *at = notes->str; (at = strchr(at, '\n')) != NULL; at++)
		count++;
	ck_assert_msg(count == odd->notes, "%s\n%s", odd->text, notes->str);
	ck_assert_uint_eq(lists->len, 1);
	const struct listfile *list = g_ptr_array_index(lists, 0);
	ck_assert_uint_eq(list->contacts->len, odd->contacts);
	ck_assert(!list->stamped);
	if (odd->contacts == 0)
		return;
	const struct contact *first = contact_at(lists, 0, 0);
	ck_assert_str_eq(first->key, odd->first_key);
	ck_assert_msg(g_strcmp0(first->name, odd->first_name) == 0, "%s", first->name);
}
END_TEST

static const struct {
	enum listfile_format format;
	const char *text;
} broken_files[] = {
        {LISTFILE_JSON, ""},
        {LISTFILE_JSON, "{"},
        {LISTFILE_JSON, "[]"},
        {LISTFILE_JSON, "{\"format\":\"imex-contacts\",\"version\":2,\"lists\":[]}"},
        {LISTFILE_VCARD, "FN:x\r\n"},
        {LISTFILE_VCARD, "BEGIN:VCARD\r\nFN:x\r\n"},
        {LISTFILE_VCARD, "BEGIN:VCARD\r\nBEGIN:VCARD\r\n"},
        {LISTFILE_VCARD, "BEGIN:VCARD\r\nno colon\r\nEND:VCARD\r\n"},
        {LISTFILE_VCARD, "BEGIN:VCARD\r\nFN:\xff\r\nEND:VCARD\r\n"},
        {LISTFILE_XEP0227, ""},
        {LISTFILE_XEP0227, "<server-data xmlns='urn:xmpp:pie:0'><host>"},
        {LISTFILE_XEP0227, "<html/>"},
        {LISTFILE_XEP0227,
                "<!DOCTYPE server-data [<!ENTITY a 'b'>]><server-data xmlns='urn:xmpp:pie:0'/>"},
};

START_TEST(broken)
{
	g_autoptr(GString) notes = g_string_new(NULL);
	g_autoptr(GError) error = NULL;
	ck_assert(read_text(broken_files[_i].format, broken_files[_i].text, notes, &error) == NULL);
	ck_assert_msg(error_is(error, "listfile.format"), "%s: %s", broken_files[_i].text,
	        error->message);
	ck_assert_int_eq(error_class_of(error), ERROR_CONFIG);
	ck_assert_ptr_null(strchr(error->message, '\n'));
}
END_TEST

/* One list that cannot be understood is left out like a contact. */
START_TEST(odd_lists)
{
	g_autoptr(GString) notes = g_string_new(NULL);
	g_autoptr(GPtrArray) lists = must_read(LISTFILE_JSON,
	        "{\"format\":\"imex-contacts\",\"version\":1,\"lists\":[7,{\"owner\":\"b@x\"},"
	        "{\"contacts\":[]},{\"owner\":\"a b\",\"contacts\":[]},"
	        "{\"owner\":\"a@x\",\"contacts\":[]}]}",
	        notes);
	ck_assert_uint_eq(lists->len, 1);
	ck_assert_str_eq(((const struct listfile *)lists->pdata[0])->owner, "a@x");
	for (int i = 1; i <= 4; i++) {
		g_autofree char *what = g_strdup_printf("list %d: ", i);
		ck_assert_msg(strstr(notes->str, what) != NULL, "%s", notes->str);
	}
}
END_TEST

/* What Prosody and ejabberd export. */
static GPtrArray *sample(const char *name)
{
	g_autofree char *path =
	        g_build_filename(TEST_SRCDIR, "..", "shared", "samples", name, NULL);
	g_autoptr(GString) notes = g_string_new(NULL);
	g_autofree char *text = NULL;
	if (!g_file_get_contents(path, &text, NULL, NULL)) {
		fprintf(stderr, "# ../shared/samples/%s is absent: not read\n", name);
		return NULL;
	}
	GPtrArray *lists = must_read(LISTFILE_XEP0227, text, notes);
	ck_assert_str_eq(notes->str, "");
	return lists;
}

static const struct contact *find(const GPtrArray *lists, guint list, const char *key)
{
	const struct listfile *one = g_ptr_array_index(lists, list);
	for (guint i = 0; i < one->contacts->len; i++)
		if (g_str_equal(contact_at(lists, list, i)->key, key))
			return contact_at(lists, list, i);
	ck_abort_msg("%s is not in the list of %s", key, one->owner);
	return NULL;
}

START_TEST(samples)
{
	g_autoptr(GPtrArray) ejabberd = sample("ejabberd-xep0227.xml");
	g_autoptr(GPtrArray) prosody = sample("prosody-xep0227-alice.xml");
	if (ejabberd == NULL || prosody == NULL)
		return;
	ck_assert_uint_eq(ejabberd->len, 3);
	const struct listfile *alice = g_ptr_array_index(ejabberd, 0);
	ck_assert_str_eq(alice->owner, "alice@im.example");
	ck_assert_uint_eq(alice->contacts->len, 5);
	ck_assert_str_eq(find(ejabberd, 0, "carol@im.example")->name, "Carol \xc3\x9cn\xc3\xaf"
	                                                              "code");
	ck_assert(contact_in_group(find(ejabberd, 0, "bob@im.example"), "Ops / On-call"));
	ck_assert_uint_eq(((struct listfile *)g_ptr_array_index(ejabberd, 2))->contacts->len, 0);
	ck_assert_uint_eq(prosody->len, 1);
	ck_assert_str_eq(find(prosody, 0, "erin@im.example")->name, "Erin From-Outlook");
	ck_assert(contact_in_group(find(prosody, 0, "bob@im.example"), "Colleagues"));
	ck_assert_uint_eq(find(prosody, 0, "dave@partner.example")->groups->len, 0);
}
END_TEST

START_TEST(formats)
{
	enum listfile_format format;
	for (unsigned i = 0; i < G_N_ELEMENTS(format_names); i++)
		ck_assert(listfile_format_parse(format_names[i], &format) && format == i);
	ck_assert(!listfile_format_parse("csv", &format));
	ck_assert(!listfile_guess("name,address", 12, &format));
	ck_assert(!listfile_guess(" \n", 2, &format));
	ck_assert(listfile_guess("\xef\xbb\xbf<a/>", 7, &format) && format == LISTFILE_XEP0227);
}
END_TEST

Suite *listfile_suite(void)
{
	Suite *suite = suite_create("listfile");
	TCase *tests = tcase_create("listfile");
	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, round_trip, 0, (int)G_N_ELEMENTS(format_names));
	tcase_add_test(tests, vcard_lines);
	tcase_add_loop_test(tests, odd_entries, 0, (int)G_N_ELEMENTS(odd_files));
	tcase_add_loop_test(tests, broken, 0, (int)G_N_ELEMENTS(broken_files));
	tcase_add_test(tests, odd_lists);
	tcase_add_test(tests, samples);
	tcase_add_test(tests, formats);
	suite_add_tcase(suite, tests);
	return suite;
}
