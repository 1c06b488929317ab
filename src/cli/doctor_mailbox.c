/* What can be done in a mailbox. */
#include "cli/doctor_private.h"
#include "core/error.h"
#include "ews/folders.h"
#include "ews/messages.h"

#include <string.h>

#define SUBJECT "imex doctor --write-test"

static const char *const names[] = {
        [EWS_FOLDER_CONVERSATION_HISTORY] = "Conversation History",
        [EWS_FOLDER_PURGES] = "Recoverable Items/Purges",
        [EWS_FOLDER_CONTACTS] = "Contacts",
};

static enum ews_folder_kind archive_folder(const struct patient *patient)
{
	const char *folder = config_string(patient->config, "archive", NULL, "folder");
	return g_str_equal(folder, "purges") ? EWS_FOLDER_PURGES : EWS_FOLDER_CONVERSATION_HISTORY;
}

static void check_folder(
        const struct patient *patient, struct ews_session *session, enum ews_folder_kind kind)
{
	GError *error = NULL;
	g_autofree char *id = NULL;
	if (!ews_folder_find(session, kind, &id, &error)) {
		findings_bad(patient->findings, "folders", error);
	} else if (id != NULL) {
		findings_good(patient->findings, "folders", "%s is there", names[kind]);
	} else if (kind == EWS_FOLDER_CONVERSATION_HISTORY) {
		findings_good(patient->findings, "folders",
		        "%s is not there yet: the first delivery makes it", names[kind]);
	} else {
		error_set(&error, ERROR_MAILBOX, "doctor.folder",
		        "the mailbox has no folder %s: %s", names[kind],
		        kind == EWS_FOLDER_PURGES
		                ? "set archive.folder = history, or switch its recoverable items "
		                  "on"
		                : "open the mailbox once with a mail client, which makes it");
		findings_bad(patient->findings, "folders", error);
	}
}

void doctor_folders(const struct patient *patient, struct ews_session *session)
{
	check_folder(patient, session, EWS_FOLDER_CONTACTS);
	check_folder(patient, session, archive_folder(patient));
}

/* The round trip */

/* A message without any foreign text; the id stands in its subject, which servers keep as it is. */
static char *compose(const char *uuid)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *date = g_date_time_format(now, "%a, %d %b %Y %H:%M:%S +0000");
	return g_strdup_printf("From: imex <imex@imex.invalid>\r\n"
	                       "To: imex <imex@imex.invalid>\r\n"
	                       "Subject: " SUBJECT " %s\r\n"
	                       "Date: %s\r\n"
	                       "MIME-Version: 1.0\r\n"
	                       "Content-Type: text/plain; charset=us-ascii\r\n"
	                       "Content-Transfer-Encoding: 7bit\r\n"
	                       "\r\n"
	                       "Made by imex to see whether it can be, and removed at once.\r\n",
	        uuid, date);
}

static bool collect(const void *bytes, size_t len, void *data, GError **error)
{
	(void)error;
	g_string_append_len(data, bytes, (gssize)len);
	return true;
}

static bool read_back(
        struct ews_session *session, const char *item_id, const char *uuid, GError **error)
{
	g_autoptr(GString) mime = g_string_new(NULL);
	if (!ews_message_get_mime(session, item_id, collect, mime, error))
		return false;
	if (strstr(mime->str, uuid) != NULL)
		return true;
	error_set(error, ERROR_MAILBOX, "doctor.round_trip",
	        "the item that was made is not the one that was read back: look at the mail "
	        "server's log");
	return false;
}

static void ref_destroy(gpointer ref)
{
	ews_item_ref_free(ref);
}

/* Removes whatever bears the id, and looks that nothing does any more. */
static bool remove_all(
        struct ews_session *session, const char *folder_id, const char *uuid, GError **error)
{
	for (unsigned tries = 0; tries < 2; tries++) {
		g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(ref_destroy);
		if (!ews_messages_find_uuid(session, folder_id, uuid, 0, found, error))
			return false;
		if (found->len == 0)
			return true;
		for (guint i = 0; i < found->len; i++) {
			const struct ews_item_ref *ref = g_ptr_array_index(found, i);
			if (!ews_message_delete(session, ref->id, error))
				return false;
		}
	}
	error_set(error, ERROR_MAILBOX, "doctor.round_trip",
	        "the server says that the item is removed, but it is still there");
	return false;
}

static bool round_trip(
        struct ews_session *session, const char *folder_id, const char *uuid, GError **error)
{
	g_autofree char *mime = compose(uuid);
	const struct ews_message message = {
	        .mime = mime, .mime_len = strlen(mime), .delivery_uuid = uuid, .read = true};
	struct ews_item_ref ref = {0};
	bool good = ews_message_create(session, folder_id, &message, &ref, error) &&
	            read_back(session, ref.id, uuid, error);
	ews_item_ref_clear(&ref);
	return good;
}

void doctor_write_test(const struct patient *patient, struct ews_session *session)
{
	enum ews_folder_kind kind = archive_folder(patient);
	GError *error = NULL;
	g_autofree char *folder_id = NULL;
	g_autofree char *uuid = g_uuid_string_random();
	if (!ews_folder_ensure(session, kind, &folder_id, &error)) {
		findings_bad(patient->findings, "write", error);
		return;
	}
	if (!round_trip(session, folder_id, uuid, &error))
		findings_bad(patient->findings, "write", error);
	else
		findings_good(patient->findings, "write", "an item was made in %s and read back",
		        names[kind]);
	error = NULL;
	if (remove_all(session, folder_id, uuid, &error)) {
		findings_good(
		        patient->findings, "removal", "nothing of it is left in %s", names[kind]);
		return;
	}
	g_prefix_error(&error,
	        "an item \"" SUBJECT "\" may be left in %s, remove it there: ", names[kind]);
	findings_bad(patient->findings, "removal", error);
}
