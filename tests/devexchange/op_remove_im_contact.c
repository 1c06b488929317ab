/* RemoveImContactFromGroup and RemoveContactFromImList. */
#include "im.h"
#include "operations.h"

void op_remove_im_contact_from_group(struct ctx *ctx)
{
	struct item *group, *contact;

	im_begin(ctx);
	const char *code = im_contact(
	        ctx, xml_child(ctx->body, "ContactId"), "ErrorInvalidImContactId", &contact);
	if (code == NULL)
		code = im_group(ctx, xml_child(ctx->body, "GroupId"), &group);
	if (code == NULL && !im_member_remove(group, contact))
		code = "ErrorUnableToRemoveImContactFromGroup";
	if (code != NULL) {
		direct_error(ctx, code);
		return;
	}
	/* The last group takes the contact off the list. */
	if (!im_in_any_group(contact))
		im_contact_remove(contact);
	direct_ok(ctx);
	direct_end(ctx);
}

void op_remove_contact_from_im_list(struct ctx *ctx)
{
	struct item *contact;

	im_begin(ctx);
	const char *code =
	        im_contact(ctx, xml_child(ctx->body, "ContactId"), "ErrorItemNotFound", &contact);
	if (code != NULL) {
		direct_error(ctx, code);
		return;
	}
	im_contact_remove(contact);
	direct_ok(ctx);
	direct_end(ctx);
}
