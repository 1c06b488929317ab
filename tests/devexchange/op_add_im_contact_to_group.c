#include "im.h"
#include "operations.h"

void op_add_im_contact_to_group(struct ctx *ctx)
{
	struct item *group, *contact;

	im_begin(ctx);
	const char *code = im_contact(
	        ctx, xml_child(ctx->body, "ContactId"), "ErrorInvalidImContactId", &contact);
	if (code == NULL)
		code = im_target_group(ctx, &group);
	if (code != NULL) {
		direct_error(ctx, code);
		return;
	}
	im_member_add(group, contact);
	direct_ok(ctx);
	direct_end(ctx);
}
