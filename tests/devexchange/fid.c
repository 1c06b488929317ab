#include "fid.h"

#include <stdio.h>
#include <stdlib.h>

struct fid fid;

void fid_init(void)
{
	const struct {
		uint32_t *slot;
		const char *uri, *index;
	} names[] = {
	        {&fid.item_id, "item:ItemId", NULL},
	        {&fid.mime, "item:MimeContent", NULL},
	        {&fid.parent, "item:ParentFolderId", NULL},
	        {&fid.item_class, "item:ItemClass", NULL},
	        {&fid.subject, "item:Subject", NULL},
	        {&fid.sensitivity, "item:Sensitivity", NULL},
	        {&fid.body, "item:Body", NULL},
	        {&fid.received, "item:DateTimeReceived", NULL},
	        {&fid.size, "item:Size", NULL},
	        {&fid.categories, "item:Categories", NULL},
	        {&fid.importance, "item:Importance", NULL},
	        {&fid.in_reply_to, "item:InReplyTo", NULL},
	        {&fid.has_attachments, "item:HasAttachments", NULL},
	        {&fid.attachments, "item:Attachments", NULL},
	        {&fid.sent, "item:DateTimeSent", NULL},
	        {&fid.created, "item:DateTimeCreated", NULL},
	        {&fid.modified, "item:LastModifiedTime", NULL},
	        {&fid.complete_name, "contacts:CompleteName", NULL},
	        {&fid.culture, "item:Culture", NULL},
	        {&fid.flag, "item:Flag", NULL},
	        {&fid.file_as, "contacts:FileAs", NULL},
	        {&fid.file_as_mapping, "contacts:FileAsMapping", NULL},
	        {&fid.display_name, "contacts:DisplayName", NULL},
	        {&fid.given_name, "contacts:GivenName", NULL},
	        {&fid.initials, "contacts:Initials", NULL},
	        {&fid.middle_name, "contacts:MiddleName", NULL},
	        {&fid.nickname, "contacts:Nickname", NULL},
	        {&fid.company, "contacts:CompanyName", NULL},
	        {&fid.email1, "contacts:EmailAddress", "EmailAddress1"},
	        {&fid.birthday, "contacts:Birthday", NULL},
	        {&fid.generation, "contacts:Generation", NULL},
	        {&fid.im1, "contacts:ImAddress", "ImAddress1"},
	        {&fid.im2, "contacts:ImAddress", "ImAddress2"},
	        {&fid.im3, "contacts:ImAddress", "ImAddress3"},
	        {&fid.job_title, "contacts:JobTitle", NULL},
	        {&fid.surname, "contacts:Surname", NULL},
	        {&fid.wedding, "contacts:WeddingAnniversary", NULL},
	        {&fid.has_picture, "contacts:HasPicture", NULL},
	        {&fid.sender, "message:Sender", NULL},
	        {&fid.to, "message:ToRecipients", NULL},
	        {&fid.cc, "message:CcRecipients", NULL},
	        {&fid.bcc, "message:BccRecipients", NULL},
	        {&fid.conversation_index, "message:ConversationIndex", NULL},
	        {&fid.conversation_topic, "message:ConversationTopic", NULL},
	        {&fid.from, "message:From", NULL},
	        {&fid.message_id, "message:InternetMessageId", NULL},
	        {&fid.is_read, "message:IsRead", NULL},
	        {&fid.references, "message:References", NULL},
	        {&fid.reply_to, "message:ReplyTo", NULL},
	        {&fid.members, "distributionlist:Members", NULL},
	        {&fid.body_type, ":BodyType", NULL},
	        {&fid.flag_status, ":FlagStatus", NULL},
	        {&fid.im_kind, ":ImKind", NULL},
	        {&fid.im_smtp, ":ImSmtp", NULL},
	        {&fid.im_tel, ":ImTelUri", NULL},
	        {&fid.message_flags, ":MessageFlags", NULL},
	        {&fid.email_name1, ":EmailName1", NULL},
	        {&fid.email_type1, ":EmailType1", NULL},
	        {&fid.other_phone, "contacts:PhoneNumber", "OtherTelephone"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		*names[i].slot = field_id(names[i].uri, names[i].index);
		if (*names[i].slot == UINT32_MAX) {
			fprintf(stderr, "devexchange: no field %s\n", names[i].uri);
			abort();
		}
	}
}
