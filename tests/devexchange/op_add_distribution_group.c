#include "devx.h"
#include "fid.h"
#include "im.h"
#include "operations.h"

#include <string.h>

/* An address that the directory knows as a group; without a directory, any address. */
static bool group_known(struct ctx *ctx, const char *smtp)
{
	struct store *store = ctx->devx->store;
	char *lower = address_lower(smtp);
	const char *at = strchr(lower, '@');
	bool known = at != NULL && at != lower && at[1] != '\0' && strpbrk(lower, " <>") == NULL;

	pthread_rwlock_rdlock(&store->lock);
	if (known && store->groups->len > 0)
		known = g_ptr_array_find_with_equal_func(store->groups, lower, g_str_equal, NULL);
	pthread_rwlock_unlock(&store->lock);
	g_free(lower);
	return known;
}

void op_add_distribution_group(struct ctx *ctx)
{
	const char *smtp = xml_child_text(ctx->body, "SmtpAddress"), *code = NULL;
	const char *name = xml_child_text(ctx->body, "DisplayName");
	struct item *group = NULL;

	im_begin(ctx);
	if (!group_known(ctx, smtp))
		code = "ErrorInvalidImDistributionGroupSmtpAddress";
	else if (im_group_named(ctx->self, name) != NULL)
		code = "ErrorImGroupDisplayNameAlreadyExists";
	else
		group = im_group_add(ctx, name, IM_DG, &code);
	if (code != NULL) {
		direct_error(ctx, code);
		return;
	}
	props_set(group->props, fid.im_smtp, smtp);
	direct_ok(ctx);
	im_group_write(ctx->out, "m:ImGroup", group, NULL);
	direct_end(ctx);
}
