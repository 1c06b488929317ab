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

static bool note_regroup(const struct ews_group_change *change, void *data, GError **error)
{
	struct notes *notes = data;
	if (change->group == NULL) {
		g_string_append_printf(notes->text, "no group %s\n", change->store_id);
		return true;
	}
	note_group(change->group, data, error);
	for (guint i = 0; i < change->members->len; i++)
		g_string_append_printf(notes->text, " has %s\n", (char *)change->members->pdata[i]);
	return true;
}

static bool give_groups(GPtrArray *groups, void *data, GError **error)
{
	(void)error;
	const struct notes *notes = data;
	for (guint i = 0; i < notes->known->len; i++)
		g_ptr_array_add(groups, group_copy(notes->known->pdata[i]));
	return true;
}

static char *run(struct fake *fake, enum ews_dialect dialect, const struct ews_contacts_sink *sink,
        char **state, bool *full)
{
	struct notes *notes = sink->data;
	g_autoptr(GError) error = NULL;
	char *out = NULL;
	if (ews_contacts_changes(fake->session, dialect, *state, sink, &out, full, &error)) {
		g_free(*state);
		*state = out;
	} else {
		ck_assert_ptr_null(out);
		g_string_append_printf(notes->text, "error %s\n", error_reason(error));
	}
	return g_string_free(notes->text, FALSE);
}

char *run_pass(struct fake *fake, enum ews_dialect dialect, char **state, bool *full)
{
	struct notes notes = {.text = g_string_new(NULL)};
	struct ews_contacts_sink sink = {.contact = note_contact,
	        .group = note_group,
	        .restart = note_restart,
	        .data = &notes};
	return run(fake, dialect, &sink, state, full);
}

char *run_single_pass(struct fake *fake, const GPtrArray *known, char **state, bool *full)
{
	struct notes notes = {.text = g_string_new(NULL), .known = known};
	struct ews_contacts_sink sink = {.contact = note_contact,
	        .group = note_group,
	        .regroup = note_regroup,
	        .known_groups = give_groups,
	        .data = &notes};
	return run(fake, EWS_DIALECT_UCS, &sink, state, full);
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

void answer_done(struct fake *fake, const char *op)
{
	g_autofree char *answer = fake_direct(op, "");
	fake_answer(fake, answer);
}

void answer_refused(struct fake *fake, const char *op, const char *code)
{
	g_autofree char *answer = fake_direct_failure(op, code);
	fake_answer(fake, answer);
}
