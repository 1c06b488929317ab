/* ConvertId: all formats that this server gives out carry the same bytes. */
#include "devx.h"
#include "habits.h"
#include "operations.h"

#include <string.h>

/* The bytes of an id, whatever format it came in; NULL when they are none. */
static guchar *id_bytes(const char *format, const char *text, gsize *length)
{
	size_t n = strlen(text);

	if (strcmp(format, "HexEntryId") != 0)
		return g_base64_decode(text, length);
	guchar *bytes = g_malloc0(n / 2 + 1);
	for (size_t i = 0; i + 1 < n; i += 2) {
		int high = g_ascii_xdigit_value(text[i]), low = g_ascii_xdigit_value(text[i + 1]);
		if (high < 0 || low < 0) {
			g_free(bytes);
			return NULL;
		}
		bytes[i / 2] = (guchar)(high << 4 | low);
	}
	*length = n / 2;
	return bytes;
}

static char *hex(const guchar *bytes, gsize length)
{
	GString *s = g_string_sized_new(length * 2 + 1);

	for (gsize i = 0; i < length; i++)
		g_string_append_printf(s, "%02X", bytes[i]);
	return g_string_free(s, FALSE);
}

static const char *convert(const struct xml_node *source, const char *destination, char **out)
{
	gsize length = 0;
	struct object_id id;
	guchar *bytes = id_bytes(xml_attr(source, "Format"), xml_attr(source, "Id"), &length);

	if (bytes == NULL)
		return "ErrorInvalidIdMalformed";
	if (grommunio() && strcmp(destination, "EwsId") != 0) {
		g_free(bytes);
		return "ErrorInternalServerError";
	}
	char *plain = g_base64_encode(bytes, length);
	const char *code = id_parse(plain, &id);
	if (code == NULL && strcmp(destination, "HexEntryId") == 0)
		*out = hex(bytes, length);
	else if (code == NULL)
		*out = g_strdup(plain);
	g_free(plain);
	g_free(bytes);
	return code;
}

void op_convert_id(struct ctx *ctx)
{
	const char *destination = xml_attr(ctx->body, "DestinationFormat");
	int index = 0;

	rsp_open(ctx);
	for (const struct xml_node *s = xml_child(ctx->body, "SourceIds")->first; s != NULL;
	        s = s->next, index++) {
		char *text = NULL;
		const char *code = ctx_item_fault(ctx, index);
		if (code == NULL)
			code = strcmp(s->name, "AlternateId") == 0 ? convert(s, destination, &text)
			                                           : "ErrorInvalidOperation";
		if (code == NULL && store_find(ctx->devx->store, xml_attr(s, "Mailbox")) == NULL) {
			g_free(text);
			code = "ErrorNonExistentMailbox";
		}
		if (code != NULL) {
			rsp_error(ctx, code, NULL);
			continue;
		}
		rsp_ok(ctx);
		g_string_append(ctx->out,
		        "<m:AlternateId xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\""
		        " xsi:type=\"t:AlternateIdType\"");
		xml_put_attr(ctx->out, "Format", destination);
		xml_put_attr(ctx->out, "Id", text);
		xml_put_attr(ctx->out, "Mailbox", xml_attr(s, "Mailbox"));
		g_string_append(ctx->out, "/>");
		rsp_end(ctx);
		g_free(text);
	}
	rsp_close(ctx);
}
