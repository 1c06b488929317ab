#include "contact_case.h"

#include "core/error.h"

#include <check.h>

bool note_contact(const struct ews_contact_change *change, void *data, GError **error)
{
	static const char *const kinds[] = {"upsert", "delete", "unusable"};
	struct notes *notes = data;
	g_string_append_printf(notes->text, "%s %s", kinds[change->kind], change->item_id);
	if (change->contact != NULL) {
		g_string_append_printf(notes->text, " %s '%s'", change->contact->key,
		        change->contact->name == NULL ? "" : change->contact->name);
		for (guint i = 0; i < change->contact->groups->len; i++)
			g_string_append_printf(
			        notes->text, " [%s]", (char *)change->contact->groups->pdata[i]);
		if (change->contact->tel_uri != NULL)
			g_string_append_printf(notes->text, " %s", change->contact->tel_uri);
	}
	if (change->op_uuid != NULL)
		g_string_append_printf(notes->text, " op=%s", change->op_uuid);
	if (change->why != NULL)
		g_string_append_printf(notes->text, " %s", error_reason(change->why));
	g_string_append(notes->text, change->created ? " new\n" : "\n");
	if (notes->stop)
		error_set(error, ERROR_ITEM, "test.stop", "stop");
	return !notes->stop;
}

static bool note_group(const struct group *group, void *data, GError **error)
{
	(void)error;
	struct notes *notes = data;
	g_string_append_printf(notes->text, "group %s %s %s %s\n", group->store_id,
	        group_kind_name(group->kind), group->name, group->smtp == NULL ? "" : group->smtp);
	return true;
}

static bool note_restart(void *data, GError **error)
{
	(void)error;
	struct notes *notes = data;
	g_string_append(notes->text, "restart\n");
	return true;
}

char *run_pass(struct fake *fake, enum ews_dialect dialect, char **state, bool *full)
{
	struct notes notes = {.text = g_string_new(NULL)};
	struct ews_contacts_sink sink = {.contact = note_contact,
	        .group = note_group,
	        .restart = note_restart,
	        .data = &notes};
	g_autoptr(GError) error = NULL;
	char *out = NULL;
	if (ews_contacts_changes(fake->session, dialect, *state, &sink, &out, full, &error)) {
		g_free(*state);
		*state = out;
	} else {
		ck_assert_ptr_null(out);
		g_string_append_printf(notes.text, "error %s\n", error_reason(error));
	}
	return g_string_free(notes.text, FALSE);
}

void sync_page(struct fake *fake, const char *state, const char *last, const char *changes)
{
	g_autofree char *content =
	        g_strdup_printf("<m:SyncState>%s</m:SyncState><m:IncludesLastItemInRange>%s"
	                        "</m:IncludesLastItemInRange><m:Changes>%s</m:Changes>",
	                state, last, changes);
	g_autofree char *message = fake_message("SyncFolderItems", content);
	g_autofree char *batch = fake_batch("SyncFolderItems", message);
	fake_answer(fake, batch);
}

void answer_failure(struct fake *fake, const char *op, const char *code)
{
	g_autofree char *message = fake_failure(op, code);
	g_autofree char *batch = fake_batch(op, message);
	fake_answer(fake, batch);
}

void answer_items(struct fake *fake, const char *op, const char *item)
{
	g_autofree char *items = g_strdup_printf("<m:Items>%s</m:Items>", item);
	g_autofree char *message = fake_message(op, items);
	g_autofree char *batch = fake_batch(op, message);
	fake_answer(fake, batch);
}

struct contact *bob(void)
{
	struct contact *contact = contact_new("bob@corp.example", "Bob <B>");
	contact_add_group(contact, "Work");
	return contact;
}

static char one_id[] = "1", one_key[] = "old";
const struct ews_item_ref ref_one = {.id = one_id, .change_key = one_key};

GPtrArray *found_array(void)
{
	return g_ptr_array_new_with_free_func(
	        (GDestroyNotify)(void (*)(void))ews_contact_found_free);
}
