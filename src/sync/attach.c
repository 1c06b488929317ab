#include "sync/attach.h"

#include "archive/transcript.h"
#include "core/clock.h"
#include "core/digest.h"
#include "core/error.h"
#include "core/log.h"
#include "im/upload.h"
#include "store/file.h"

#include <string.h>

#define RETRY_US (300 * CLOCK_US_PER_S)

struct attacher {
	struct upload *upload;
};

struct attacher *attacher_new(const struct config *config, GError **error)
{
	struct upload *upload = upload_new(config, error);
	if (upload == NULL)
		return NULL;
	struct attacher *attacher = g_new0(struct attacher, 1);
	attacher->upload = upload;
	return attacher;
}

void attacher_free(struct attacher *attacher)
{
	upload_free(attacher->upload);
	g_free(attacher);
}

bool attacher_is_wanted(const struct attacher *attacher)
{
	return upload_is_wanted(attacher->upload);
}

/* Whether the content is what the sender told; only SHA-256 is compared. */
static bool is_as_told(const struct message *message, const char *hash)
{
	static const char prefix[] = "sha-256:";
	return message->file_hash == NULL || !g_str_has_prefix(message->file_hash, prefix) ||
	       g_str_equal(message->file_hash + strlen(prefix), hash);
}

/* Gives the link its hash or reason, or leaves both away for another try. */
static void judge(struct file_link *link, const GError *fault)
{
	int64_t now = clock_utc_us();
	bool later = error_class_of(fault) != ERROR_ITEM && !error_is(fault, "http.redirect") &&
	             now - link->first_try_utc_us < CLOCK_US_PER_DAY;
	link->next_try_utc_us = now + RETRY_US;
	if (!later)
		link->reason = g_strdup(fault->message);
	log_warn("attach.failed", "%s%s", fault->message, later ? "; it is tried again" : "");
}

static bool fetch(struct attacher *attacher, struct store *store, const struct message *message,
        struct file_link *link, GError **error)
{
	g_autoptr(GError) fault = NULL;
	g_autoptr(GBytes) content = upload_fetch(attacher->upload, message->url, &fault);
	if (content == NULL) {
		judge(link, fault);
		return store_file_link_put(store, link, error);
	}
	link->hash = digest_of_bytes(content);
	return store_file_put(store, link, content, error);
}

static bool fetch_one(struct attacher *attacher, struct store *store, const struct message *message,
        bool *waiting, GError **error)
{
	autoptr(file_link) link = NULL;
	int64_t now = clock_utc_us();
	if (message->url == NULL || !upload_is_known(attacher->upload, message->url))
		return true;
	if (!store_file_link_get(store, message->url, &link, error))
		return false;
	if (link == NULL) {
		link = g_new0(struct file_link, 1);
		link->url = g_strdup(message->url);
		link->first_try_utc_us = now;
	}
	bool due = link->hash == NULL && link->reason == NULL && link->next_try_utc_us <= now;
	if (due && !fetch(attacher, store, message, link, error))
		return false;
	*waiting = *waiting || (link->hash == NULL && link->reason == NULL);
	return true;
}

bool attacher_fetch(struct attacher *attacher, struct store *store, const GPtrArray *messages,
        bool *waiting, GError **error)
{
	*waiting = false;
	for (guint i = 0; i < messages->len; i++)
		if (!fetch_one(attacher, store, messages->pdata[i], waiting, error))
			return false;
	return true;
}

static bool add_file(
        GHashTable *files, struct store *store, const struct message *message, GError **error)
{
	autoptr(file_link) link = NULL;
	if (!store_file_link_get(store, message->url, &link, error))
		return false;
	if (link == NULL)
		return true;
	struct transcript_file *file = g_new0(struct transcript_file, 1);
	g_hash_table_insert(files, message->url, file);
	file->reason = g_strdup(link->reason);
	if (link->hash == NULL)
		return true;
	if (!is_as_told(message, link->hash)) {
		file->reason = g_strdup("its content is not what its sender announced: the SHA-256 "
		                        "is another one");
		return true;
	}
	file->hash = g_strdup(link->hash);
	return store_file_content(store, link->hash, &file->content, error);
}

GHashTable *attach_files(struct store *store, const GPtrArray *messages, GError **error)
{
	g_autoptr(GHashTable) files = g_hash_table_new_full(
	        g_str_hash, g_str_equal, NULL, (GDestroyNotify)transcript_file_free);
	for (guint i = 0; i < messages->len; i++) {
		const struct message *message = messages->pdata[i];
		if (message->kind == MESSAGE_FILE && message->url != NULL &&
		        !g_hash_table_contains(files, message->url) &&
		        !add_file(files, store, message, error))
			return NULL;
	}
	return g_steal_pointer(&files);
}
