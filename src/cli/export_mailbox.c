#include "cli/export.h"

#include "archive/mime.h"
#include "cli/mail.h"
#include "core/digest.h"
#include "ews/folders.h"
#include "ews/messages.h"
#include "store/mailbox.h"

#include <string.h>

/* One item of a mailbox is held whole while it is written. */
#define ITEM_MAX_BYTES ((size_t)64 * 1024 * 1024)

/* An item as the listing tells it; its content is asked for afterwards. */
struct listed {
	char *item_id;
	char *subject;
	int64_t sent_utc_us, received_utc_us;
};

struct mailbox_run {
	struct export_run *run;
	struct cli_mail *mail;
	struct ews_session *session;
	GPtrArray *listed;
};

static void listed_free(struct listed *listed)
{
	g_free(listed->item_id);
	g_free(listed->subject);
	g_free(listed);
}

static bool list_one(const struct ews_message_info *info, void *data, GError **error)
{
	struct mailbox_run *mailbox_run = data;
	(void)error;
	/* Only what bears our property: the user's own items in that folder are none of ours. */
	if (info->deleted || info->delivery_uuid == NULL)
		return true;
	struct listed *listed = g_new0(struct listed, 1);
	listed->item_id = g_strdup(info->ref.id);
	listed->subject = g_strdup(info->subject);
	listed->sent_utc_us = info->sent_utc_us;
	listed->received_utc_us = info->received_utc_us;
	g_ptr_array_add(mailbox_run->listed, listed);
	return true;
}

static bool collect(const void *bytes, size_t len, void *data, GError **error)
{
	GByteArray *mime = data;
	if (mime->len + len > ITEM_MAX_BYTES) {
		error_set(error, ERROR_ITEM, "export.too_large",
		        "an item is larger than %zu bytes and was left out", ITEM_MAX_BYTES);
		return false;
	}
	g_byte_array_append(mime, bytes, (guint)len);
	return true;
}

/* Item ids are long and have "/" in them: the file is named after their hash. */
static char *file_id(const char *item_id)
{
	g_autofree char *hash = digest_of(item_id, strlen(item_id));
	return g_strndup(hash, 32);
}

/* All of it for a page, which shows its text; else the header is enough, if it has an end. */
static GBytes *needed_part(const struct export_run *run, GBytes *mime)
{
	gsize len = 0;
	const char *bytes = g_bytes_get_data(mime, &len);
	bool whole = run->format == EXPORT_HTML || len == 0 || len > ITEM_MAX_BYTES;
	const char *end = whole ? NULL : g_strstr_len(bytes, (gssize)len, "\r\n\r\n");
	return end == NULL ? g_bytes_ref(mime)
	                   : g_bytes_new_from_bytes(mime, 0, (gsize)(end - bytes) + 4);
}

static bool add_item(struct mailbox_run *mailbox_run, const struct listed *listed, const char *id,
        GBytes *mime, GError **error)
{
	struct export_run *run = mailbox_run->run;
	g_autoptr(GBytes) needed = needed_part(run, mime);
	autoptr(mime_parts) parts = mime_parse(needed, ITEM_MAX_BYTES, error);
	if (parts == NULL)
		return false;
	g_autofree char *names = g_strdup_printf("%s, %s", parts->from, parts->to);
	const struct export_item item = {
	        .id = id,
	        .subject = listed->subject != NULL ? listed->subject : parts->subject,
	        .people = names,
	        .first_utc_us = listed->sent_utc_us,
	        .last_utc_us = listed->received_utc_us,
	        .messages = 1,
	        .mime = mime,
	        .html = parts->html != NULL ? parts->html : "",
	};
	return export_add(run->export, &item, error);
}

static bool read_item(struct mailbox_run *mailbox_run, const struct listed *listed, const char *id,
        GError **error)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	if (!ews_message_get_mime(mailbox_run->session, listed->item_id, collect, bytes, error))
		return false;
	g_autoptr(GBytes) mime = g_byte_array_free_to_bytes(g_steal_pointer(&bytes));
	return add_item(mailbox_run, listed, id, mime, error);
}

/* An item that cannot be read is told and left out; anything else ends the export. */
static bool take_item(struct mailbox_run *mailbox_run, const struct listed *listed, GError **error)
{
	struct export_run *run = mailbox_run->run;
	g_autofree char *id = file_id(listed->item_id);
	g_autoptr(GError) fault = NULL;
	cli_progress(run->cli, "exporting", export_total(run->export), 0);
	if (export_has(run->export, id) || read_item(mailbox_run, listed, id, &fault))
		return true;
	if (error_class_of(fault) != ERROR_ITEM) {
		g_propagate_error(error, g_steal_pointer(&fault));
		return false;
	}
	fprintf(stderr, "imex: item %s: %s\n", id, fault->message);
	run->left_out++;
	return true;
}

static bool take_folder(struct mailbox_run *mailbox_run, enum ews_folder_kind kind, GError **error)
{
	const struct export_run *run = mailbox_run->run;
	g_autofree char *folder = NULL;
	if (!ews_folder_ensure(mailbox_run->session, kind, &folder, error))
		return false;
	g_ptr_array_set_size(mailbox_run->listed, 0);
	if (!ews_messages_each(mailbox_run->session, folder, MAX(run->since_utc_us, 0),
	            run->until_utc_us == INT64_MAX ? 0 : run->until_utc_us, list_one, mailbox_run,
	            error))
		return false;
	for (guint i = 0; i < mailbox_run->listed->len; i++)
		if (!take_item(mailbox_run, mailbox_run->listed->pdata[i], error))
			return false;
	return true;
}

static bool each_mailbox(const struct mailbox *mailbox, void *data, GError **error)
{
	struct mailbox_run *mailbox_run = data;
	const struct export_run *run = mailbox_run->run;
	const char *folder = config_string(run->config, "archive", NULL, "folder");
	if (run->users->len > 0 &&
	        !g_ptr_array_find_with_equal_func(run->users, mailbox->owner, g_str_equal, NULL))
		return true;
	mailbox_run->session = cli_mail_session(mailbox_run->mail, mailbox, error);
	return mailbox_run->session != NULL &&
	       take_folder(mailbox_run,
	               g_str_equal(folder, "purges") ? EWS_FOLDER_PURGES
	                                             : EWS_FOLDER_CONVERSATION_HISTORY,
	               error);
}

bool export_from_mailboxes(struct export_run *run, GError **error)
{
	autoptr(cli_mail) mail = cli_mail_new(run->cli);
	struct mailbox_run mailbox_run = {
	        .run = run,
	        .mail = mail,
	        .listed = g_ptr_array_new_with_free_func((GDestroyNotify)listed_free),
	};
	bool good = store_mailbox_each(run->store, each_mailbox, &mailbox_run, error);
	g_ptr_array_unref(mailbox_run.listed);
	return good;
}
