#include "fid.h"
#include "im.h"
#include "operations.h"

void op_add_new_tel_uri_contact(struct ctx *ctx)
{
	const char *tel = xml_child_text(ctx->body, "TelUriAddress");
	struct item *group, *contact = NULL;

	im_begin(ctx);
	const char *code = im_target_group(ctx, &group) != NULL ? "ErrorItemNotFound" : NULL;
	if (code == NULL)
		contact = im_contact_add(
		        ctx, xml_child_text(ctx->body, "ImContactSipUriAddress"), NULL, &code);
	if (code != NULL) {
		direct_error(ctx, code);
		return;
	}
	props_set(contact->props, fid.im_tel, tel);
	props_set(contact->props, fid.other_phone, xml_child_text(ctx->body, "ImTelephoneNumber"));
	item_touch(contact, false);
	im_member_add(group, contact);
	direct_ok(ctx);
	im_persona_write(ctx->out, "m:Persona", contact, NULL);
	direct_end(ctx);
}
