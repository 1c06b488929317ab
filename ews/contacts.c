#include "ews/contact_driver.h"

#include "core/address.h"
#include "core/error.h"

static const struct ews_contact_driver *const drivers[] = {
        [EWS_DIALECT_UCS] = &ews_contact_driver_ucs,
        [EWS_DIALECT_FOLDER] = &ews_contact_driver_folder,
};

const char *ews_dialect_name(enum ews_dialect dialect)
{
	return drivers[dialect]->name;
}

bool ews_dialect_parse(const char *name, enum ews_dialect *dialect)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(drivers); i++) {
		if (!g_str_equal(drivers[i]->name, name))
			continue;
		*dialect = (enum ews_dialect)i;
		return true;
	}
	return false;
}

bool ews_detect_dialect(struct ews_session *session, enum ews_dialect *dialect, GError **error)
{
	*dialect = EWS_DIALECT_FOLDER;
	if (session->access == EWS_ACCESS_DELEGATE)
		return true;
	g_autoptr(GError) failure = NULL;
	if (ews_groups_load(session, &failure)) {
		*dialect = EWS_DIALECT_UCS;
		return true;
	}
	/* Servers older than the operation say that the request is malformed. */
	if (error_is(failure, "ews.unsupported") || error_is(failure, "ews.request"))
		return true;
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

bool ews_contacts_changes(struct ews_session *session, enum ews_dialect dialect,
        const char *state_in, const struct ews_contacts_sink *sink, char **state_out, bool *full,
        GError **error)
{
	return drivers[dialect]->changes(session, state_in, sink, state_out, full, error);
}

bool ews_contacts_create(struct ews_session *session, enum ews_dialect dialect,
        const struct ews_contact_new *contacts, size_t n, struct ews_outcome *outcomes,
        GError **error)
{
	return drivers[dialect]->create(session, contacts, n, outcomes, error);
}

bool ews_contact_create(struct ews_session *session, enum ews_dialect dialect,
        const struct contact *contact, const char *op_uuid, struct ews_item_ref *out,
        GError **error)
{
	struct ews_contact_new one = {.contact = contact, .op_uuid = op_uuid};
	struct ews_outcome outcome = {0};
	bool ok = ews_contacts_create(session, dialect, &one, 1, &outcome, error);
	if (ok && out != NULL)
		ews_item_ref_set(out, outcome.ref.id, outcome.ref.change_key);
	ews_item_ref_clear(&outcome.ref);
	g_clear_error(&outcome.error);
	return ok;
}

bool ews_contact_update(struct ews_session *session, enum ews_dialect dialect,
        const struct ews_item_ref *ref, const struct contact *before, const struct contact *after,
        struct ews_item_ref *out, GError **error)
{
	struct ews_item_ref made = {0};
	bool ok = drivers[dialect]->update(session, ref, before, after, &made, error);
	if (ok && out != NULL)
		ews_item_ref_set(out, made.id, made.change_key);
	ews_item_ref_clear(&made);
	return ok;
}

bool ews_contact_delete(struct ews_session *session, enum ews_dialect dialect,
        const struct ews_item_ref *ref, const struct contact *before, GError **error)
{
	return drivers[dialect]->delete (session, ref, before, error);
}

void ews_contact_found_free(struct ews_contact_found *found)
{
	ews_item_ref_clear(&found->ref);
	contact_free(found->contact);
	g_free(found->op_uuid);
	g_free(found);
}

static int older_first(const void *a, const void *b)
{
	const struct ews_contact_found *x = *(struct ews_contact_found *const *)a;
	const struct ews_contact_found *y = *(struct ews_contact_found *const *)b;
	return (x->created_utc_us > y->created_utc_us) - (x->created_utc_us < y->created_utc_us);
}

bool ews_contact_find(struct ews_session *session, enum ews_dialect dialect, const char *address,
        const char *op_uuid, GPtrArray *found, GError **error)
{
	g_autofree char *canonical = NULL;
	if (address != NULL && (canonical = address_canonical(address, error)) == NULL)
		return false;
	if (address == NULL && op_uuid == NULL)
		return true;
	if (!drivers[dialect]->find(session, canonical, op_uuid, found, error))
		return false;
	g_ptr_array_sort(found, older_first);
	return true;
}

bool ews_group_create(struct ews_session *session, enum ews_dialect dialect,
        const struct group *group, struct ews_item_ref *out, GError **error)
{
	return drivers[dialect]->group_create == NULL ||
	       drivers[dialect]->group_create(session, group, out, error);
}

bool ews_group_rename(struct ews_session *session, enum ews_dialect dialect,
        const struct group *group, const char *name, GError **error)
{
	return drivers[dialect]->group_rename == NULL ||
	       drivers[dialect]->group_rename(session, group, name, error);
}

bool ews_group_delete(struct ews_session *session, enum ews_dialect dialect,
        const struct group *group, GError **error)
{
	return drivers[dialect]->group_delete == NULL ||
	       drivers[dialect]->group_delete(session, group, error);
}

bool ews_migration_completed(
        struct ews_session *session, enum ews_dialect dialect, bool completed, GError **error)
{
	return drivers[dialect]->migration_completed == NULL ||
	       drivers[dialect]->migration_completed(session, completed, error);
}
