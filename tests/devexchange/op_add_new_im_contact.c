#include "im.h"
#include "operations.h"

void op_add_new_im_contact(struct ctx *ctx)
{
	struct item *group, *contact = NULL;

	im_begin(ctx);
	const char *code = im_target_group(ctx, &group);
	if (code == NULL)
		contact = im_contact_add(ctx, xml_child_text(ctx->body, "ImAddress"),
		        xml_child_text(ctx->body, "DisplayName"), &code);
	if (code != NULL) {
		direct_error(ctx, code);
		return;
	}
	im_member_add(group, contact);
	direct_ok(ctx);
	im_persona_write(ctx->out, "m:Persona", contact, NULL);
	direct_end(ctx);
}
