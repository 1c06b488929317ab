/* Numbers of the fields that code names; filled in by fid_init() before any request. */
#ifndef DEVX_FID_H
#define DEVX_FID_H

#include "props.h"

struct fid {
	uint32_t item_id, mime, parent, item_class, subject, sensitivity, body, received, size,
	        categories, importance, in_reply_to, has_attachments, attachments, sent, created,
	        modified, complete_name, culture, flag, file_as, file_as_mapping, display_name,
	        given_name, initials, middle_name, nickname, company, email1, birthday, generation,
	        im1, im2, im3, job_title, surname, wedding, has_picture, sender, to, cc, bcc,
	        conversation_index, conversation_topic, from, message_id, is_read, references,
	        reply_to, members, body_type, flag_status, im_kind, im_smtp, im_tel, message_flags,
	        email_name1, email_type1, other_phone;
};

extern struct fid fid;
void fid_init(void);

#define FID_ITEM_ID fid.item_id
#define FID_MIME fid.mime
#define FID_BODY fid.body
#define FID_BODY_TYPE fid.body_type
#define FID_HAS_ATTACHMENTS fid.has_attachments
#define FID_DISPLAY_NAME fid.display_name
#define FID_GIVEN_NAME fid.given_name
#define FID_MIDDLE_NAME fid.middle_name
#define FID_SURNAME fid.surname
#define FID_GENERATION fid.generation
#define FID_INITIALS fid.initials
#define FID_NICKNAME fid.nickname
#define FID_MEMBERS fid.members
#define FID_EMAIL_NAME1 fid.email_name1
#define FID_EMAIL_TYPE1 fid.email_type1
#define FID_CONVERSATION_TOPIC fid.conversation_topic
#define FID_CONVERSATION_INDEX fid.conversation_index
#define FID_FLAG_STATUS fid.flag_status

#endif
