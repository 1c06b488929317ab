#include "devx.h"
#include "fid.h"
#include "habits.h"
#include "operations.h"
#include "shape.h"

#include <string.h>

#define MAX_CANDIDATES 100

struct candidate {
	struct mailbox *mailbox; /* from the directory */
	const struct item *item; /* or from the contacts folder */
	bool group;
	const char *group_address;
};

struct resolve {
	struct ctx *ctx;
	char *entry; /* lower case, without a prefix */
	const char *prefix; /* "smtp:", "sip:", or NULL */
	GArray *found;
};

static bool begins(const char *text, const char *with)
{
	char *fold = text != NULL ? g_utf8_strdown(text, -1) : NULL;
	bool yes = fold != NULL && g_str_has_prefix(fold, with);

	g_free(fold);
	return yes;
}

static void add(struct resolve *r, struct candidate c)
{
	if (r->found->len <= MAX_CANDIDATES)
		g_array_append_val(r->found, c);
}

static void search_directory(struct resolve *r)
{
	struct store *store = r->ctx->devx->store;

	/* A whole address is looked up; only the beginning of one needs the list. */
	struct mailbox *exact = strchr(r->entry, '@') == NULL ? NULL
	                        : r->prefix != NULL && strcmp(r->prefix, "sip:") == 0
	                                ? store_find_sip(store, r->entry)
	                                : store_find(store, r->entry);
	if (exact != NULL) {
		add(r, (struct candidate){.mailbox = exact});
		return;
	}
	/* Without a prefix: an address or the beginning of a name. */
	GPtrArray *found = g_ptr_array_new();
	bool sip = r->prefix != NULL && strcmp(r->prefix, "sip:") == 0;
	store_find_beginning(store, sip ? "sip:" : "", r->entry, found, MAX_CANDIDATES + 1);
	if (r->prefix == NULL)
		store_find_beginning(store, "name:", r->entry, found, MAX_CANDIDATES + 1);
	for (guint i = 0; i < found->len; i++)
		add(r, (struct candidate){.mailbox = found->pdata[i]});
	g_ptr_array_free(found, TRUE);
	pthread_rwlock_rdlock(&store->lock);
	for (guint i = 0; i < store->groups->len; i++)
		if (begins(store->groups->pdata[i], r->entry))
			add(r, (struct candidate){
			               .group = true, .group_address = store->groups->pdata[i]});
	pthread_rwlock_unlock(&store->lock);
}

static void search_contacts(struct resolve *r)
{
	ctx_use(r->ctx, r->ctx->self);
	struct folder *folder = folder_distinguished(r->ctx->self, "contacts");

	if (folder->by_uid == NULL || r->prefix != NULL)
		return;
	GSequenceIter *i = g_sequence_get_begin_iter(folder->by_uid);
	for (; !g_sequence_iter_is_end(i); i = g_sequence_iter_next(i)) {
		const struct item *item = g_sequence_get(i);
		bool match = begins(props_get(item->props, fid.display_name), r->entry) ||
		             begins(props_get(item->props, fid.file_as), r->entry);
		for (uint32_t k = 0; k < 3 && !match; k++)
			match = begins(props_get(item->props, fid.email1 + k), r->entry);
		if (match)
			add(r, (struct candidate){.item = item});
	}
}

static void write_mailbox(GString *out, const char *name, const char *address, const char *type)
{
	g_string_append(out, "<t:Mailbox>");
	xml_put(out, "t:Name", name);
	if (address != NULL)
		xml_put(out, "t:EmailAddress", address);
	g_string_append(out, "<t:RoutingType>SMTP</t:RoutingType>");
	xml_put(out, "t:MailboxType", type);
}

static void write_directory_contact(GString *out, const struct mailbox *mb)
{
	g_string_append(out, "<t:Contact>");
	xml_put(out, "t:DisplayName", mb->name);
	if (grommunio()) {
		xml_open(out, "t:CompleteName");
		xml_put(out, "t:FullName", mb->name);
		g_string_append(out, "</t:CompleteName></t:Contact>");
		return;
	}
	g_string_append(out, "<t:EmailAddresses><t:Entry Key=\"EmailAddress1\">SMTP:");
	xml_escape(out, mb->smtp);
	g_string_append(out, "</t:Entry></t:EmailAddresses>"
	                     "<t:ContactSource>ActiveDirectory</t:ContactSource>");
	if (mb->sip != NULL) {
		g_string_append(out, "<t:ImAddresses><t:Entry Key=\"ImAddress1\">sip:");
		xml_escape(out, mb->sip);
		g_string_append(out, "</t:Entry></t:ImAddresses>");
	}
	g_string_append(out, "</t:Contact>");
}

static void write_one(struct ctx *ctx, const struct candidate *c, bool full, struct shape *shape)
{
	GString *out = ctx->out;

	g_string_append(out, "<t:Resolution>");
	if (c->item != NULL) {
		write_mailbox(out, props_get(c->item->props, fid.display_name),
		        props_get(c->item->props, fid.email1), "Contact");
		item_id_write(out, "t:ItemId", c->item);
		g_string_append(out, "</t:Mailbox>");
		if (full)
			item_write(out, c->item, shape);
	} else if (c->group) {
		write_mailbox(out, c->group_address, c->group_address, "PublicDL");
		g_string_append(out, "</t:Mailbox>");
	} else {
		write_mailbox(out, c->mailbox->name, c->mailbox->smtp, "Mailbox");
		g_string_append(out, "</t:Mailbox>");
		if (full)
			write_directory_contact(out, c->mailbox);
	}
	g_string_append(out, "</t:Resolution>");
}

static void answer(struct resolve *r)
{
	struct ctx *ctx = r->ctx;
	bool full = xml_bool(xml_attr(ctx->body, "ReturnFullContactData"));
	guint n = MIN(r->found->len, MAX_CANDIDATES);
	struct shape shape = {.base = BASE_DEFAULT, .find = true};

	if (n == 0) {
		rsp_error(ctx, "ErrorNameResolutionNoResults", NULL);
		return;
	}
	shape.extra = g_new0(bool, n_fields);
	shape.extended = g_ptr_array_new();
	if (n == 1)
		rsp_ok(ctx);
	else
		rsp_warning(ctx, "ErrorNameResolutionMultipleResults");
	g_string_append_printf(ctx->out,
	        "<m:ResolutionSet TotalItemsInView=\"%u\" IncludesLastItemInRange=\"%s\">", n,
	        r->found->len <= MAX_CANDIDATES ? "true" : "false");
	for (guint i = 0; i < n; i++)
		write_one(ctx, &g_array_index(r->found, struct candidate, i), full, &shape);
	g_string_append(ctx->out, "</m:ResolutionSet>");
	rsp_end(ctx);
	shape_clear(&shape);
}

void op_resolve_names(struct ctx *ctx)
{
	static const char *const prefixes[] = {"smtp:", "sip:"};
	const char *scope = xml_attr(ctx->body, "SearchScope");
	char *entry = g_utf8_strdown(xml_child_text(ctx->body, "UnresolvedEntry"), -1);
	struct resolve r = {
	        .ctx = ctx, .found = g_array_new(FALSE, FALSE, sizeof(struct candidate))};

	r.entry = g_strstrip(entry);
	for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++)
		if (g_str_has_prefix(r.entry, prefixes[i])) {
			r.prefix = prefixes[i];
			r.entry += strlen(prefixes[i]);
			break;
		}
	if (scope == NULL)
		scope = "ActiveDirectoryContacts";
	const char *fault = ctx_item_fault(ctx, 0);
	rsp_open(ctx);
	if (fault != NULL) {
		rsp_error(ctx, fault, NULL);
	} else {
		if (strstr(scope, "ActiveDirectory") != NULL)
			search_directory(&r);
		if (strstr(scope, "Contacts") != NULL)
			search_contacts(&r);
		answer(&r);
	}
	rsp_close(ctx);
	g_array_free(r.found, TRUE);
	g_free(entry);
}
