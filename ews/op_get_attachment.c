/* GetItem for what is attached to a contact, and GetAttachment: the contact's photo. */
#include "ews/ops.h"

#include "core/error.h"
#include "ews/codes.h"
#include "ews/contacts.h"

static const struct ews_op item_op = {.name = "GetItem"};
static const struct ews_op op = {.name = "GetAttachment"};

/* Attachments/FileAttachment of an item: the first that is its photo. */
struct listing {
	GString *id; /* of the attachment that is open */
	int64_t size_bytes;
	bool is_photo;
	char *photo_id;
	int64_t photo_bytes;
};

static bool listing_start(struct ews_answer *answer, enum ews_element element,
        const struct xml_attrs *attrs, void *data, GError **error)
{
	(void)answer;
	(void)error;
	struct listing *listing = data;
	if (element == ELEMENT_FileAttachment) {
		g_string_truncate(listing->id, 0);
		listing->size_bytes = 0;
		listing->is_photo = false;
	} else if (element == ELEMENT_AttachmentId) {
		const char *id = xml_attr_value(attrs, "Id");
		g_string_assign(listing->id, id != NULL ? id : "");
	}
	return true;
}

static bool listing_end(struct ews_answer *answer, enum ews_element element, const char *text,
        size_t len, void *data, GError **error)
{
	(void)answer;
	(void)len;
	(void)error;
	struct listing *listing = data;
	if (element == ELEMENT_Size && text != NULL)
		listing->size_bytes = g_ascii_strtoll(text, NULL, 10);
	else if (element == ELEMENT_IsContactPhoto && text != NULL)
		listing->is_photo = g_str_equal(text, "true") || g_str_equal(text, "1");
	else if (element == ELEMENT_FileAttachment && listing->is_photo && listing->id->len > 0 &&
	         listing->photo_id == NULL) {
		listing->photo_id = g_strdup(listing->id->str);
		listing->photo_bytes = listing->size_bytes;
	}
	return true;
}

static const struct ews_answer_handler listing_handler = {
        .start = listing_start, .end = listing_end};

static bool find_photo(
        struct ews_session *session, const char *item_id, struct listing *listing, GError **error)
{
	struct xml_writer *w = ews_request(session, &item_op);
	ews_write_item_shape(w, EWS_SHAPE_ATTACHMENTS);
	xml_start(w, "m:ItemIds");
	ews_write_id(w, "t:ItemId", item_id, NULL);
	xml_end(w);
	return ews_call(session, &item_op, &listing_handler, listing, error);
}

struct content {
	GByteArray *bytes;
	size_t max;
	int state;
	guint save;
};

static bool too_large(size_t max, GError **error)
{
	error_set(error, ERROR_ITEM, "ews.too_large",
	        "a photo in the mailbox is larger than %zu bytes: it is not copied", max);
	return false;
}

static bool content_start(struct ews_answer *answer, enum ews_element element,
        const struct xml_attrs *attrs, void *data, GError **error)
{
	(void)attrs;
	(void)data;
	(void)error;
	if (element == ELEMENT_Content)
		ews_answer_stream_text(answer);
	return true;
}

static bool content_text(
        struct ews_answer *answer, const char *bytes, size_t len, void *data, GError **error)
{
	(void)answer;
	struct content *content = data;
	guchar decoded[3072];
	while (len > 0) {
		size_t piece = MIN(len, (size_t)4000);
		gsize n = g_base64_decode_step(
		        bytes, piece, decoded, &content->state, &content->save);
		if (content->bytes->len + n > content->max)
			return too_large(content->max, error);
		g_byte_array_append(content->bytes, decoded, (guint)n);
		bytes += piece;
		len -= piece;
	}
	return true;
}

static const struct ews_answer_handler content_handler = {
        .start = content_start, .text = content_text};

static bool get_content(
        struct ews_session *session, const char *id, size_t max_bytes, GBytes **out, GError **error)
{
	struct xml_writer *w = ews_request(session, &op);
	xml_start(w, "m:AttachmentIds");
	ews_write_id(w, "t:AttachmentId", id, NULL);
	xml_end(w);
	struct content content = {.bytes = g_byte_array_new(), .max = max_bytes};
	if (!ews_call(session, &op, &content_handler, &content, error)) {
		g_byte_array_unref(content.bytes);
		return false;
	}
	*out = g_byte_array_free_to_bytes(content.bytes);
	return true;
}

bool ews_contact_photo(struct ews_session *session, const char *item_id, size_t max_bytes,
        GBytes **photo, GError **error)
{
	struct listing listing = {.id = g_string_new(NULL)};
	bool good = find_photo(session, item_id, &listing, error);
	*photo = NULL;
	if (good && listing.photo_bytes > (int64_t)max_bytes)
		good = too_large(max_bytes, error);
	else if (good && listing.photo_id != NULL)
		good = get_content(session, listing.photo_id, max_bytes, photo, error);
	g_string_free(listing.id, TRUE);
	g_free(listing.photo_id);
	return good;
}
