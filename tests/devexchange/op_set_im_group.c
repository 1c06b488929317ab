#include "fid.h"
#include "im.h"
#include "operations.h"

#include <string.h>

static const char *rename_group(struct ctx *ctx)
{
	const char *name = xml_child_text(ctx->body, "NewDisplayName");
	struct item *group;
	const char *code = im_group(ctx, xml_child(ctx->body, "GroupId"), &group);

	if (code != NULL)
		return code;
	if (strcmp(im_class(group), IM_USER_GROUP) != 0 && strcmp(im_class(group), IM_DG) != 0)
		return "ErrorInvalidImGroupId";
	const struct item *other = im_group_named(ctx->self, name);
	if (other != NULL && other != group)
		return "ErrorImGroupDisplayNameAlreadyExists";
	props_set(group->props, fid.display_name, name);
	props_set(group->props, fid.subject, name);
	item_touch(group, false);
	return NULL;
}

void op_set_im_group(struct ctx *ctx)
{
	im_begin(ctx);
	const char *code = rename_group(ctx);
	if (code != NULL) {
		direct_error(ctx, code);
		return;
	}
	direct_ok(ctx);
	direct_end(ctx);
}
