#include "generate.h"

#include "fid.h"
#include "item_read.h"

#include <stdio.h>

static const char *const given_names[] = {"Ada", "Björn", "Chloé", "Дмитрий", "Ελένη", "فاطمة",
        "גליה", "花子", "민준", "Søren", "Ngọc", "अनिल", "Zoë", "O'Neil"};
static const char *const surnames[] = {"Lovelace", "Åkesson", "Müller", "Иванов", "Παπαδοπούλου",
        "الزهراء", "כהן", "山田", "김", "Nguyễn", "शर्मा", "van der Berg", "Smith-Jones"};
static const char *const companies[] = {"Contoso", "Größe & Söhne", "株式会社例", "Фабрика <1>"};

#define PICK(random, list) list[g_rand_int_range(random, 0, (gint32)G_N_ELEMENTS(list))]

static struct item *make_contact(GRand *random, int number, const char *domain)
{
	struct item *item = item_new(ITEM_CONTACT);
	const char *given = PICK(random, given_names), *last = PICK(random, surnames);

	props_set(item->props, fid.item_class, "IPM.Contact");
	props_set(item->props, fid.given_name, given);
	props_set(item->props, fid.surname, last);
	props_take(item->props, fid.display_name, g_strdup_printf("%s %s", given, last));
	props_set(item->props, fid.company, PICK(random, companies));
	props_take(item->props, fid.email1, g_strdup_printf("contact%05d@%s", number, domain));
	props_take(item->props, fid.im1, g_strdup_printf("sip:contact%05d@%s", number, domain));
	props_take(item->props, fid.other_phone,
	        g_strdup_printf("+%d", g_rand_int_range(random, 10000000, 99999999)));
	/* Now and then a long note. */
	if (number % 50 == 0) {
		props_take(item->props, fid.body, g_strnfill(20000, 'n'));
		props_set(item->props, fid.body_type, "Text");
	}
	item_derive(item, true, false);
	return item;
}

static struct item *make_message(GRand *random, int number, const char *domain, const char *owner)
{
	struct item *item = item_new(ITEM_MESSAGE);
	char *from = g_strdup_printf("%s\x1f"
	                             "contact%05d@%s\x1fSMTP\x1fOneOff",
	        PICK(random, given_names), number, domain);
	char **to = g_new0(char *, 2);

	to[0] = g_strjoin("\x1f", owner, owner, "SMTP", "Mailbox", NULL);
	props_set(item->props, fid.item_class, "IPM.Note");
	props_set(item->props, fid.message_flags, "0");
	props_take(item->props, fid.subject, g_strdup_printf("Message %d", number));
	props_take(item->props, fid.from, from);
	props_take_list(item->props, fid.to, to);
	props_set(item->props, fid.body, "<html><body><p>Generated.</p></body></html>");
	props_set(item->props, fid.body_type, "HTML");
	props_take(item->props, fid.received, time_format(item->created_s - number));
	item_derive(item, true, false);
	return item;
}

static struct item *make_list(struct folder *contacts)
{
	struct item *list = item_new(ITEM_DISTLIST);
	GPtrArray *members = g_ptr_array_new();
	GSequenceIter *i = g_sequence_get_begin_iter(contacts->by_uid);

	props_set(list->props, fid.item_class, "IPM.DistList");
	props_set(list->props, fid.display_name, "Team");
	for (int n = 0; n < 5 && !g_sequence_iter_is_end(i); n++, i = g_sequence_iter_next(i)) {
		const struct item *c = g_sequence_get(i);
		g_ptr_array_add(
		        members, g_strjoin("\x1f", props_get(c->props, fid.display_name),
		                         props_get(c->props, fid.email1), "SMTP", "Contact", NULL));
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
	for (int i = 0; i < g->contacts; i++)
		item_insert(contacts, make_contact(random, i, g->domain));
	if (g->contacts > 0)
		item_insert(contacts, make_list(contacts));
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
