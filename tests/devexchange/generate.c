#include "generate.h"

#include "fid.h"
#include "item_read.h"
#include "operations.h"

#include <stdio.h>
#include <string.h>

static const char *const given_names[] = {"Ada", "Björn", "Chloé", "Дмитрий", "Ελένη", "فاطمة",
        "גליה", "花子", "민준", "Søren", "Ngọc", "अनिल", "Zoë", "O'Neil"};
static const char *const surnames[] = {"Lovelace", "Åkesson", "Müller", "Иванов", "Παπαδοπούλου",
        "الزهراء", "כהן", "山田", "김", "Nguyễn", "शर्मा", "van der Berg", "Smith-Jones"};
static const char *const companies[] = {"Contoso", "Größe & Söhne", "株式会社例", "Фабрика <1>"};

/* One contact in so many has a photo, one very long values; so many contacts for one list. */
#define PHOTO_EVERY 10
#define LONG_EVERY 50
#define LIST_EVERY 100
#define LIST_MEMBERS 20

#define PICK(random, list) list[g_rand_int_range(random, 0, (gint32)G_N_ELEMENTS(list))]

/* Generated things are as old as they are numbered, counted from here, so that a seed makes the
 * same. */
#define BEGINNING_S INT64_C(1735689600) /* 2025-01-01 */

/* A grey JPEG of one pixel. */
static const unsigned char pixel[] = {0xff, 0xd8, 0xff, 0xdb, 0x00, 0x43, 0x00, 0x01, 0x01, 0x01,
        0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01,
        0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01,
        0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01,
        0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01,
        0x01, 0xff, 0xc0, 0x00, 0x0b, 0x08, 0x00, 0x01, 0x00, 0x01, 0x01, 0x01, 0x11, 0x00, 0xff,
        0xc4, 0x00, 0x14, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xff, 0xc4, 0x00, 0x14, 0x10, 0x01, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xda,
        0x00, 0x08, 0x01, 0x01, 0x00, 0x00, 0x3f, 0x00, 0x37, 0xff, 0xd9};

/* The picture with a comment of its own, so that no two are the same. */
static GBytes *make_photo(const char *comment)
{
	GByteArray *out = g_byte_array_new();
	size_t n = strlen(comment);
	const guint8 segment[] = {0xff, 0xfe, (guint8)((n + 2) >> 8), (guint8)(n + 2)};

	g_byte_array_append(out, pixel, 2);
	g_byte_array_append(out, segment, sizeof segment);
	g_byte_array_append(out, (const guint8 *)comment, (guint)n);
	g_byte_array_append(out, pixel + 2, sizeof pixel - 2);
	return g_byte_array_free_to_bytes(out);
}

static void age(struct item *item, int minutes)
{
	item->created_s = item->modified_s = BEGINNING_S + (int64_t)minutes * 60;
	item->created_ns = item->modified_ns = 0;
}

static void add_photo(struct item *item)
{
	struct attachment *a = attachment_new();

	a->name = g_strdup("ContactPicture.jpg");
	a->content_type = g_strdup("image/jpeg");
	a->is_contact_photo = true;
	a->modified_s = item->created_s;
	a->content = make_photo(props_get(item->props, fid.email1));
	item_attach(item, a);
}

/* Values at the limits of what address books let through. */
static void add_long_values(struct item *item, const char *name)
{
	GString *long_name = g_string_new(NULL);
	char **categories = g_new0(char *, 21);

	while (g_utf8_strlen(long_name->str, -1) + g_utf8_strlen(name, -1) < 250)
		g_string_append_printf(long_name, "%s ", name);
	props_take(item->props, fid.file_as, g_string_free(long_name, FALSE));
	for (int i = 0; i < 20; i++)
		categories[i] = g_strdup_printf("%s %d", name, i);
	props_take_list(item->props, fid.categories, categories);
	props_take(item->props, fid.body, g_strnfill(20000, 'n'));
	props_set(item->props, fid.body_type, "Text");
}

static struct item *make_contact(GRand *random, int number, const char *domain)
{
	struct item *item = item_new(ITEM_CONTACT);
	const char *given = PICK(random, given_names), *last = PICK(random, surnames);

	age(item, number);
	props_set(item->props, fid.item_class, "IPM.Contact");
	props_set(item->props, fid.given_name, given);
	props_set(item->props, fid.surname, last);
	props_take(item->props, fid.display_name, g_strdup_printf("%s %s", given, last));
	props_set(item->props, fid.company, PICK(random, companies));
	props_take(item->props, fid.email1, g_strdup_printf("contact%05d@%s", number, domain));
	props_take(item->props, fid.im1, g_strdup_printf("sip:contact%05d@%s", number, domain));
	props_take(item->props, fid.other_phone,
	        g_strdup_printf("+%d", g_rand_int_range(random, 10000000, 99999999)));
	props_take(item->props, fid.birthday,
	        g_strdup_printf("%d-0%d-1%dT00:00:00Z", g_rand_int_range(random, 1930, 2010),
	                g_rand_int_range(random, 1, 10), g_rand_int_range(random, 0, 10)));
	if (number % LONG_EVERY == LONG_EVERY / 2)
		add_long_values(item, props_get(item->props, fid.display_name));
	if (number % PHOTO_EVERY == 0)
		add_photo(item);
	item_derive(item, true, props_get(item->props, fid.file_as) != NULL);
	return item;
}

static struct item *make_message(GRand *random, int number, const char *domain, const char *owner)
{
	struct item *item = item_new(ITEM_MESSAGE);
	char *from = g_strdup_printf("%s\x1f"
	                             "contact%05d@%s\x1fSMTP\x1fOneOff",
	        PICK(random, given_names), number, domain);
	char **to = g_new0(char *, 2);

	age(item, number);
	to[0] = g_strjoin("\x1f", owner, owner, "SMTP", "Mailbox", NULL);
	props_set(item->props, fid.item_class, "IPM.Note");
	props_set(item->props, fid.message_flags, "0");
	props_take(item->props, fid.subject, g_strdup_printf("Message %d", number));
	props_take(item->props, fid.from, from);
	props_take_list(item->props, fid.to, to);
	props_set(item->props, fid.body, "<html><body><p>Generated.</p></body></html>");
	props_set(item->props, fid.body_type, "HTML");
	props_take(item->props, fid.message_id, g_strdup_printf("<made-%d.%s>", number, owner));
	item_derive(item, true, false);
	return item;
}

/* A list of up to LIST_MEMBERS of the contacts that begin at *i, which is moved on. */
static struct item *make_list(int number, GSequenceIter **i)
{
	struct item *list = item_new(ITEM_DISTLIST);
	GPtrArray *members = g_ptr_array_new();

	age(list, number);
	props_set(list->props, fid.item_class, "IPM.DistList");
	props_take(list->props, fid.display_name, g_strdup_printf("Team %d", number));
	for (int n = 0; n < LIST_MEMBERS && !g_sequence_iter_is_end(*i); n++) {
		const struct item *c = g_sequence_get(*i);
		g_ptr_array_add(
		        members, g_strjoin("\x1f", props_get(c->props, fid.display_name),
		                         props_get(c->props, fid.email1), "SMTP", "Contact", NULL));
		*i = g_sequence_iter_next(*i);
	}
	g_ptr_array_add(members, NULL);
	props_take_list(list->props, fid.members, (char **)g_ptr_array_free(members, FALSE));
	item_derive(list, true, false);
	return list;
}

static void fill(struct mailbox *mb, GRand *random, const struct generate *g)
{
	struct folder *contacts = folder_distinguished(mb, "contacts");
	struct folder *inbox = folder_distinguished(mb, "inbox");

	mailbox_lock(mb);
	mb->photo = make_photo(mb->smtp);
	for (int i = 0; i < g->contacts; i++) {
		struct item *contact = make_contact(random, i, g->domain);
		attachments_number(mb, contact);
		item_insert(contacts, contact);
	}
	if (g->contacts > 0) {
		GSequenceIter *i = g_sequence_get_begin_iter(contacts->by_uid);
		for (int n = 0; n <= g->contacts / LIST_EVERY; n++)
			item_insert(contacts, make_list(n + 1, &i));
	}
	for (int i = 0; i < g->messages; i++)
		item_insert(inbox, make_message(random, i, g->domain, mb->smtp));
	mailbox_unlock(mb);
}

bool generate_mailboxes(struct store *store, const struct generate *g)
{
	GRand *random = g_rand_new_with_seed(g->seed);
	bool ok = true;

	for (int i = 1; i <= g->mailboxes && ok; i++) {
		char *smtp = g_strdup_printf("user%04d@%s", i, g->domain);
		char *name =
		        g_strdup_printf("%s %s", PICK(random, given_names), PICK(random, surnames));
		bool kept = store_find(store, smtp) != NULL; /* by the data file */
		struct mailbox *mb = kept ? NULL : store_add(store, smtp, name);
		ok = kept || mb != NULL;
		if (mb != NULL) {
			mb->password = g_strdup(g->password);
			fill(mb, random, g);
		} else if (!kept) {
			fprintf(stderr, "devexchange: cannot make mailbox %s\n", smtp);
		}
		g_free(smtp);
		g_free(name);
	}
	g_rand_free(random);
	return ok;
}
