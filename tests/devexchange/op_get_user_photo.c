/* GetUserPhoto, and the same as GET /EWS/Exchange.asmx/s/GetUserPhoto?email=...&size=... */
#include "habits.h"
#include "http.h"
#include "operations.h"

/* The photo of whoever has that address; NULL for nobody, or without one. */
static GBytes *photo_of(struct devx *devx, const char *email)
{
	struct mailbox *mb = email != NULL ? store_find(devx->store, email) : NULL;
	GBytes *photo = NULL;

	if (mb != NULL) {
		mailbox_lock(mb);
		photo = mb->photo != NULL ? g_bytes_ref(mb->photo) : NULL;
		mailbox_unlock(mb);
	}
	return photo;
}

static void write_photo(struct ctx *ctx, GBytes *photo)
{
	gsize length = 0;
	const guchar *bytes = photo != NULL ? g_bytes_get_data(photo, &length) : NULL;
	char *text = g_base64_encode(bytes, length);

	direct_ok(ctx);
	g_string_append_printf(ctx->out,
	        "<m:HasChanged>true</m:HasChanged><m:PictureData>%s</m:PictureData>", text);
	direct_end(ctx);
	g_free(text);
}

void op_get_user_photo(struct ctx *ctx)
{
	const char *email = xml_child_text(ctx->body, "Email");
	GBytes *photo = photo_of(ctx->devx, email);

	if (photo != NULL) {
		write_photo(ctx, photo);
		g_bytes_unref(photo);
	} else if (grommunio() && store_find(ctx->devx->store, email) != NULL) {
		ctx->status = 404;
		write_photo(ctx, NULL);
	} else {
		direct_error(ctx, "ErrorItemNotFound");
	}
}

static enum MHD_Result send_photo(const struct exchange *x, GBytes *photo)
{
	gsize length;
	const guchar *bytes = g_bytes_get_data(photo, &length);
	char *sum = g_compute_checksum_for_bytes(G_CHECKSUM_SHA1, photo);
	char *tag = g_strdup_printf("\"%s\"", sum);
	bool known = g_strcmp0(http_header(x, "If-None-Match"), tag) == 0;
	struct MHD_Response *r = MHD_create_response_from_buffer(
	        known ? 0 : length, (void *)(uintptr_t)bytes, MHD_RESPMEM_MUST_COPY);

	MHD_add_response_header(r, "ETag", tag);
	if (!known)
		MHD_add_response_header(r, "Content-Type", "image/jpeg");
	enum MHD_Result rc = MHD_queue_response(x->connection, known ? 304 : 200, r);
	MHD_destroy_response(r);
	g_free(tag);
	g_free(sum);
	return rc;
}

enum MHD_Result route_photo(struct exchange *x)
{
	char *host = http_host(x);
	struct auth_result auth;
	enum MHD_Result rc;

	auth_check(x->devx, http_header(x, "Authorization"), 1, host, &auth);
	g_free(host);
	GBytes *photo = photo_of(x->devx,
	        MHD_lookup_connection_value(x->connection, MHD_GET_ARGUMENT_KIND, "email"));
	if (!auth.ok)
		rc = http_unauthorized(x, &auth);
	else if (photo == NULL)
		rc = http_text(x, 404, "text/plain", "Not Found", NULL);
	else
		rc = send_photo(x, photo);
	g_free(auth.diagnostics);
	if (photo != NULL)
		g_bytes_unref(photo);
	return rc;
}
