/* Whose mailbox the server opens for us. */
#include "core/address.h"
#include "core/error.h"
#include "ews/ops.h"

void ews_mailbox_info_free(struct ews_mailbox_info *info)
{
	g_free(info->root_id);
	g_free(info->smtp);
	g_free(info->name);
	g_free(info);
}

static bool wrong(const struct ews_session *session, const char *why, GError **error)
{
	error_set(error, ERROR_MAILBOX, "ews.wrong_mailbox",
	        "the mail server does not open the mailbox %s for us: %s; "
	        "correct the user's mapping or the credentials",
	        session->mailbox->smtp, why);
	error_set_subject(error == NULL ? NULL : *error, session->mailbox->smtp);
	return false;
}

/*
 * The root folder as it is opened by default, and the root folder of the mailbox by that address:
 * the same id means the same mailbox.
 */
static bool compare_roots(struct ews_session *session, char **root_id, GError **error)
{
	static const struct ews_folder roots[] = {
	        {.distinguished = "msgfolderroot"}, {.distinguished = "msgfolderroot"}};
	const char *const mailboxes[] = {NULL, session->mailbox->smtp};
	char *ids[2] = {NULL, NULL};
	GError *failures[2] = {NULL, NULL};
	bool ok = ews_get_folder(session, roots, mailboxes, 2, ids, failures, error);
	if (!ok || failures[0] != NULL) {
		if (ok)
			g_propagate_error(error, g_steal_pointer(&failures[0]));
		ok = false;
	} else if (failures[1] != NULL && (error_class_of(failures[1]) == ERROR_RETRY ||
	                                          error_class_of(failures[1]) == ERROR_BACKOFF)) {
		g_propagate_error(error, g_steal_pointer(&failures[1]));
		ok = false;
	} else if (failures[1] != NULL) {
		ok = wrong(session, error_reason(failures[1]), error);
	} else if (g_strcmp0(ids[0], ids[1]) != 0) {
		ok = wrong(session, "it opens another one", error);
	} else {
		*root_id = g_steal_pointer(&ids[0]);
	}
	for (unsigned i = 0; i < 2; i++) {
		g_free(ids[i]);
		g_clear_error(&failures[i]);
	}
	return ok;
}

/* Two addresses of one mailbox must not be taken for two mailboxes. */
static bool check_primary(
        const struct ews_session *session, const struct ews_mailbox_info *info, GError **error)
{
	if (info->smtp == NULL)
		return true;
	g_autofree char *primary = address_canonical(info->smtp, NULL);
	g_autofree char *meant = address_canonical(session->mailbox->smtp, NULL);
	if (primary == NULL || g_strcmp0(primary, meant) == 0)
		return true;
	g_autofree char *why = g_strdup_printf("that is only another address of %s", info->smtp);
	return wrong(session, why, error);
}

bool ews_confirm_mailbox(
        struct ews_session *session, struct ews_mailbox_info **info, GError **error)
{
	if (session->mailbox == NULL) {
		error_set(error, ERROR_CONFIG, "ews.wrong_mailbox",
		        "no mailbox was chosen to be confirmed; map the user to one");
		return false;
	}
	struct ews_mailbox_info *found = g_new0(struct ews_mailbox_info, 1);
	if (compare_roots(session, &found->root_id, error) &&
	        ews_resolve_names(
	                session, session->mailbox->smtp, &found->smtp, &found->name, error) &&
	        check_primary(session, found, error)) {
		if (info != NULL)
			*info = found;
		else
			ews_mailbox_info_free(found);
		return true;
	}
	ews_mailbox_info_free(found);
	return false;
}
