/*
 * Private to ews/: an item (contact, message ...) as it comes in an answer. One struct is used
 * again for every item of an answer; its buffers are kept.
 */
#ifndef IMEX_EWS_ITEM_H
#define IMEX_EWS_ITEM_H

#include "ews/answer.h"
#include "model/contact.h"
#include "model/contact_card.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Named properties of ours (PublicStrings, String). */
#define EWS_PROPERTY_OPERATION "imex-operation" /* on contacts: id of the create */
#define EWS_PROPERTY_TEL_URI "imex-tel-uri" /* on contacts: tel_uri beside an IM address */
#define EWS_PROPERTY_DELIVERY "imex-delivery" /* on messages: id of the delivery */

/* Telephone numbers of contacts that are read, and what vCard calls them. */
struct ews_phone {
	const char *key, *kind;
};
extern const struct ews_phone ews_phones[];
extern const size_t ews_n_phones;

enum ews_item_text {
	ITEM_ID,
	ITEM_CHANGE_KEY,
	ITEM_CLASS,
	ITEM_SUBJECT,
	ITEM_DISPLAY_NAME,
	ITEM_FILE_AS,
	ITEM_GIVEN_NAME,
	ITEM_SURNAME,
	ITEM_IM_ADDRESS,
	ITEM_OPERATION,
	ITEM_TEL_URI,
	ITEM_DELIVERY,
	ITEM_BIRTHDAY,
	ITEM_TEXTS_,
};

struct ews_item {
	bool is_contact; /* the element was t:Contact */
	GString *texts[ITEM_TEXTS_];
	bool has[ITEM_TEXTS_];
	GPtrArray *categories; /* char * */
	GPtrArray *phones; /* char *: kind and number, one after the other */
	bool has_picture;
	int64_t created_utc_us, sent_utc_us, received_utc_us, size_bytes; /* 0: not told */

	/* Of the reading. */
	unsigned depth; /* of the item's element; 0: none is open */
	enum ews_item_text property; /* whose value comes next; ITEM_TEXTS_: none of ours */
	bool im_address;
	const char *phone_kind; /* of the entry that is open; NULL: none of ours */
};

void ews_item_init(struct ews_item *item);
void ews_item_clear(struct ews_item *item);
/* NULL when the item has none. */
const char *ews_item_text(const struct ews_item *item, enum ews_item_text text);

/* An item's element has been opened: to be called for every element between start and end. */
void ews_item_open(
        struct ews_item *item, const struct ews_answer *answer, enum ews_element element);
void ews_item_start(struct ews_item *item, const struct ews_answer *answer,
        enum ews_element element, const struct xml_attrs *attrs);
/* True when this was the end of the item: it is whole now. */
bool ews_item_end(struct ews_item *item, const struct ews_answer *answer, enum ews_element element,
        const char *text);

/*
 * The contact in an item (owned). NULL without error: none of ours, it has no IM address. NULL
 * with error: its IM address cannot be read (ews.item).
 */
struct contact *ews_item_contact(const struct ews_item *item, GError **error);

/* What the item tells beside the contact; NULL: nothing. */
struct contact_card *ews_item_card(const struct ews_item *item);

/* Owned; NULL with ews.item when text is no address: what stands in ImAddress, made canonical. */
char *ews_mail_address(const char *text, GError **error);

#endif
