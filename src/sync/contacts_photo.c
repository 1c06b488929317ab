/* Photos of contacts for the local copy: by requests of their own, once the lists are in step. */
#include "core/error.h"
#include "core/log.h"
#include "store/contact_card.h"
#include "sync/contacts_private.h"

/* Of one pass; the next one goes on. */
#define MAX_PHOTOS 100

static bool keep(const struct contacts_run *run, const char *item_id, GBytes *photo, GError **error)
{
	gsize len = 0;
	const void *bytes = photo != NULL ? g_bytes_get_data(photo, &len) : NULL;
	const char *type = bytes != NULL ? contact_card_photo_type(bytes, len) : NULL;
	return store_card_photo(
	        run->store, run->lease, item_id, type, type != NULL ? photo : NULL, error);
}

/* A photo that cannot be had is no reason for a list to need attention. */
static bool passed_over(
        const struct contacts_run *run, const char *item_id, const GError *why, GError **error)
{
	log_warn("contacts.photo", "a photo of %s is not shown: %s", run->lease->mailbox->owner,
	        why->message);
	return error_class_of(why) != ERROR_ITEM ||
	       store_card_photo(run->store, run->lease, item_id, NULL, NULL, error);
}

bool contacts_read_photos(struct pass_state *pass, GError **error)
{
	const struct contacts_run *run = pass->run;
	if (run->mail.driver->photo == NULL)
		return true;
	g_autoptr(GPtrArray) due =
	        store_card_due(run->store, run->lease->mailbox->id, MAX_PHOTOS, error);
	for (guint i = 0; due != NULL && i < due->len; i++) {
		const char *item_id = g_ptr_array_index(due, i);
		g_autoptr(GBytes) photo = NULL;
		g_autoptr(GError) why = NULL;
		if (contacts_stopping(run))
			return true;
		if (run->mail.driver->photo(
		            run->mail.data, item_id, CONTACT_PHOTO_MAX_BYTES, &photo, &why)) {
			if (!keep(run, item_id, photo, error))
				return false;
			continue;
		}
		if (error_class_of(why) == ERROR_BACKOFF) {
			g_propagate_error(error, g_steal_pointer(&why));
			return false;
		}
		if (!passed_over(run, item_id, why, error))
			return false;
		if (error_class_of(why) != ERROR_ITEM)
			return true;
	}
	return due != NULL;
}
