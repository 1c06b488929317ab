/*
 * Private to ews/: groups and personas as the Im* operations send them.
 */
#ifndef IMEX_EWS_IM_LIST_H
#define IMEX_EWS_IM_LIST_H

#include "ews/ops.h"

enum ews_im_text {
	IM_NAME,
	IM_FIRST_LAST,
	IM_ADDRESS,
	IM_NUMBER, /* of ours */
	IM_PHONE, /* of the attributed number that is open */
	IM_FIRST_VALUE, /* of ImAddresses */
	IM_VALUE, /* of the attributed value that is open */
	IM_ATTRIBUTION, /* of the Attribution that is open */
	IM_SOURCE,
	IM_SOURCE_KEY,
	/*
	 * A persona may be put together from several sources. Its entry in the IM list is the
	 * attribution that is quick and not hidden; its display name is localised.
	 */
	IM_OWN_ATTRIBUTION,
	IM_OWN_SOURCE,
	IM_OWN_KEY,
	IM_OWN_VALUE,
	IM_TEXTS_,
};

struct ews_im_reading {
	const char *operation;
	const struct ews_im_sink *sink;

	struct ews_im_group group; /* that is open */
	char *group_class;
	unsigned group_depth; /* 0: none */

	unsigned persona_depth; /* 0: none */
	bool any_persona;
	bool is_quick, is_hidden; /* of the Attribution that is open */
	GString *texts[IM_TEXTS_];
};

void ews_im_reading_init(
        struct ews_im_reading *reading, const char *operation, const struct ews_im_sink *sink);
void ews_im_reading_clear(struct ews_im_reading *reading);

/* For answers with an ImItemList, an ImGroup or a Persona; data is a struct ews_im_reading. */
extern const struct ews_answer_handler ews_im_list_handler;

/* Sends what was written since ews_request(), for operations that answer only with a code. */
bool ews_im_call(struct ews_session *session, const struct ews_op *op, GError **error);
/*
 * The same for those that answer with the one group or persona they made. *shown: the name that the
 * persona has now, or NULL. Both may be NULL.
 */
bool ews_im_call_made(struct ews_session *session, const struct ews_op *op,
        struct ews_item_ref *out, char **shown, GError **error);

#endif
