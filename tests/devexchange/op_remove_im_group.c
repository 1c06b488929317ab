/* RemoveImGroup and RemoveDistributionGroupFromImList. */
#include "im.h"
#include "operations.h"

#include <string.h>

static const char *remove_group(struct ctx *ctx, const char *class_name, const char *wrong)
{
	struct item *group;
	const char *code = im_group(ctx, xml_child(ctx->body, "GroupId"), &group);

	if (code != NULL)
		return strcmp(code, "ErrorInvalidImGroupId") == 0 ? wrong : code;
	if (strcmp(im_class(group), class_name) != 0)
		return wrong;
	GArray *members = group->members;
	group->members = NULL;
	item_free(item_take(group));
	/* Whoever was in no other group leaves the list. */
	for (guint i = 0; members != NULL && i < members->len; i++) {
		struct item *c = item_find(ctx->self, g_array_index(members, uint64_t, i));
		if (c != NULL && !im_in_any_group(c))
			im_contact_remove(c);
	}
	if (members != NULL)
		g_array_free(members, TRUE);
	return NULL;
}

static void remove_and_answer(struct ctx *ctx, const char *class_name, const char *wrong)
{
	im_begin(ctx);
	const char *code = remove_group(ctx, class_name, wrong);
	if (code != NULL) {
		direct_error(ctx, code);
		return;
	}
	direct_ok(ctx);
	direct_end(ctx);
}

void op_remove_im_group(struct ctx *ctx)
{
	remove_and_answer(ctx, IM_USER_GROUP, "ErrorInvalidImGroupId");
}

void op_remove_distribution_group(struct ctx *ctx)
{
	remove_and_answer(ctx, IM_DG, "ErrorItemNotFound");
}
