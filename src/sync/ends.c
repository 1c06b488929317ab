#include "sync/ends.h"

#include "core/log.h"

static bool session_confirm(void *data, GError **error)
{
	struct mail_end_session *end = data;
	autoptr(ews_mailbox_info) info = NULL;
	return ews_confirm_mailbox(end->session, &info, error);
}

static bool session_changes(void *data, const char *state_in, const struct ews_contacts_sink *sink,
        char **state_out, bool *full, GError **error)
{
	struct mail_end_session *end = data;
	return ews_contacts_changes(
	        end->session, end->dialect, state_in, sink, state_out, full, error);
}

static bool session_create(void *data, const struct ews_contact_new *contacts, size_t n,
        struct ews_outcome *outcomes, GError **error)
{
	struct mail_end_session *end = data;
	return ews_contacts_create(end->session, end->dialect, contacts, n, outcomes, error);
}

static bool session_update(void *data, const struct ews_item_ref *ref, const struct contact *before,
        const struct contact *after, struct ews_item_ref *out, GError **error)
{
	struct mail_end_session *end = data;
	return ews_contact_update(end->session, end->dialect, ref, before, after, out, error);
}

static bool session_remove(
        void *data, const struct ews_item_ref *ref, const struct contact *before, GError **error)
{
	struct mail_end_session *end = data;
	return ews_contact_delete(end->session, end->dialect, ref, before, error);
}

static bool session_find(
        void *data, const char *address, const char *op_uuid, GPtrArray *found, GError **error)
{
	struct mail_end_session *end = data;
	return ews_contact_find(end->session, end->dialect, address, op_uuid, found, error);
}

static bool session_rename_group(
        void *data, const struct group *group, const char *name, GError **error)
{
	struct mail_end_session *end = data;
	return ews_group_rename(end->session, end->dialect, group, name, error);
}

static bool session_migration_completed(void *data, bool completed, GError **error)
{
	struct mail_end_session *end = data;
	return ews_migration_completed(end->session, end->dialect, completed, error);
}

struct mail_end mail_end_of_session(struct mail_end_session *session)
{
	static const struct mail_end_driver driver = {
	        .confirm = session_confirm,
	        .changes = session_changes,
	        .create = session_create,
	        .update = session_update,
	        .remove = session_remove,
	        .find = session_find,
	        .rename_group = session_rename_group,
	        .migration_completed = session_migration_completed,
	};
	return (struct mail_end){&driver, session, session->dialect};
}

static char *source_version(void *data, const char *owner, GError **error)
{
	return im_source_roster_version(data, owner, error);
}

static bool source_went_back(void *data, const char *before, const char *now)
{
	return im_source_roster_went_back(data, before, now);
}

static void log_odd(void *data, const struct im_odd *odd)
{
	(void)data;
	log_warn("contacts.odd", "%s of %s: contact %s was left out: %s (%s)", odd->what,
	        odd->owner != NULL ? odd->owner : "-", odd->key != NULL ? odd->key : "-",
	        odd->detail, odd->reason);
}

static struct im_roster *source_read(void *data, const char *owner, GError **error)
{
	return im_source_roster_read(data, owner, log_odd, NULL, error);
}

static bool source_set(void *data, const char *owner, const struct contact *contact, char **version,
        GError **error)
{
	return im_source_roster_set(data, owner, contact, version, error);
}

static bool source_remove(
        void *data, const char *owner, const char *key, char **version, GError **error)
{
	return im_source_roster_remove(data, owner, key, version, error);
}

struct im_end im_end_of_source(struct im_source *source)
{
	static const struct im_end_driver driver = {
	        .version = source_version,
	        .went_back = source_went_back,
	        .read = source_read,
	        .set = source_set,
	        .remove = source_remove,
	};
	return (struct im_end){&driver, source, im_source_writable(source), false};
}
