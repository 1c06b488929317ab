#include "data_pack.h"

#include <string.h>

void prop_numbers_init(struct prop_numbers *numbers,
        void (*added)(void *data, uint32_t number, const char *name), void *data)
{
	numbers->kept = g_hash_table_new(NULL, NULL);
	numbers->here = g_hash_table_new(NULL, NULL);
	numbers->added = added;
	numbers->data = data;
}

void prop_numbers_clear(struct prop_numbers *numbers)
{
	g_hash_table_destroy(numbers->kept);
	g_hash_table_destroy(numbers->here);
}

static void pair(struct prop_numbers *numbers, uint32_t kept, uint32_t here)
{
	/* One more in the tables: number 0 is a property here. */
	g_hash_table_insert(numbers->here, GUINT_TO_POINTER(kept), GUINT_TO_POINTER(here + 1));
	g_hash_table_insert(numbers->kept, GUINT_TO_POINTER(here + 1), GUINT_TO_POINTER(kept));
}

bool prop_numbers_read(struct prop_numbers *numbers, uint32_t number, const char *name)
{
	uint32_t here = prop_by_name(name);

	if (here == UINT32_MAX || number == 0)
		return false;
	pair(numbers, number, here);
	return true;
}

static uint32_t number_kept(struct prop_numbers *numbers, uint32_t here)
{
	guint kept =
	        GPOINTER_TO_UINT(g_hash_table_lookup(numbers->kept, GUINT_TO_POINTER(here + 1)));

	if (kept == 0) {
		char *name = prop_name(here);
		kept = g_hash_table_size(numbers->kept) + 1;
		pair(numbers, kept, here);
		numbers->added(numbers->data, kept, name);
		g_free(name);
	}
	return kept;
}

static bool number_here(const struct prop_numbers *numbers, uint32_t kept, uint32_t *here)
{
	guint found = GPOINTER_TO_UINT(g_hash_table_lookup(numbers->here, GUINT_TO_POINTER(kept)));

	*here = found - 1;
	return found != 0;
}

/* --- properties */

static void props_pack(GVariantBuilder *out, const GArray *props, struct prop_numbers *numbers)
{
	g_variant_builder_open(out, G_VARIANT_TYPE("a(ubas)"));
	for (guint i = 0; i < props->len; i++) {
		const struct prop *p = &g_array_index(props, struct prop, i);
		const char *const one[] = {p->is_list ? NULL : p->v.text, NULL};
		g_variant_builder_add(out, "(ub^as)", number_kept(numbers, p->id), p->is_list,
		        p->is_list ? (const char *const *)p->v.list : one);
	}
	g_variant_builder_close(out);
}

static bool props_unpack(GArray *props, GVariantIter *in, const struct prop_numbers *numbers)
{
	guint32 kept, here;
	gboolean is_list;
	char **texts;
	bool ok = true;

	while (ok && g_variant_iter_next(in, "(ub^as)", &kept, &is_list, &texts)) {
		ok = number_here(numbers, kept, &here) && texts[0] != NULL;
		if (ok && is_list)
			props_take_list(props, here, g_strdupv(texts));
		else if (ok)
			props_set(props, here, texts[0]);
		g_strfreev(texts);
	}
	return ok;
}

/* --- mailboxes */

GVariant *mailbox_pack(const struct mailbox *mb)
{
	GVariant *aliases = g_variant_new_strv(
	        (const char *const *)mb->aliases->pdata, (gssize)mb->aliases->len);
	GVariant *photo = mb->photo != NULL
	                          ? g_variant_new_from_bytes(G_VARIANT_TYPE("ay"), mb->photo, TRUE)
	                          : NULL;

	return g_variant_new("(ssssms@asbbtttubm@ayu)", mb->smtp, mb->upn, mb->sip, mb->name,
	        mb->password, aliases, mb->impersonator, mb->disabled, mb->mod, mb->next_item,
	        mb->next_attachment, mb->next_folder, mb->migration_completed, photo, mb->moves);
}

bool mailbox_unpack(GVariant *state, uint64_t guid, struct store *store)
{
	const char *smtp, *upn, *sip, *name, *password, *alias;
	gboolean impersonator, disabled, migrated;
	GVariantIter *aliases;
	GVariant *photo;
	guint64 mod, item, attachment;
	guint32 folder, moves;

	g_variant_get(state, "(&s&s&s&sm&sasbbtttubm@ayu)", &smtp, &upn, &sip, &name, &password,
	        &aliases, &impersonator, &disabled, &mod, &item, &attachment, &folder, &migrated,
	        &photo, &moves);
	struct mailbox *mb = store_restore(store, smtp, name, guid);
	if (mb != NULL) {
		mailbox_set_upn(store, mb, upn);
		mailbox_set_sip(store, mb, sip);
		while (g_variant_iter_next(aliases, "&s", &alias))
			store_add_address(store, mb, alias);
		mb->password = g_strdup(password);
		mb->impersonator = impersonator;
		mb->disabled = disabled;
		mb->mod = mb->saved_mod = mod;
		mb->next_item = item;
		mb->next_attachment = attachment;
		mb->next_folder = folder;
		mb->migration_completed = migrated;
		mb->moves = moves;
		mb->photo = photo != NULL ? g_variant_get_data_as_bytes(photo) : NULL;
	}
	if (photo != NULL)
		g_variant_unref(photo);
	g_variant_iter_free(aliases);
	return mb != NULL;
}

/* --- folders */

GVariant *folder_pack(const struct folder *folder, struct prop_numbers *numbers)
{
	GVariantBuilder out;

	g_variant_builder_init(&out, G_VARIANT_TYPE(FOLDER_TYPE));
	g_variant_builder_add(&out, "u", folder->parent != NULL ? folder->parent->id : 0);
	g_variant_builder_add(&out, "t", folder->mod);
	g_variant_builder_add(&out, "t", folder->created_mod);
	g_variant_builder_add(&out, "s", folder->name);
	g_variant_builder_add(&out, "ms", folder->class_name);
	g_variant_builder_add(&out, "ms", folder->distinguished);
	g_variant_builder_add(&out, "b", folder->hidden);
	g_variant_builder_add(&out, "t", folder->next_uid);
	props_pack(&out, folder->props, numbers);
	return g_variant_builder_end(&out);
}

bool folder_unpack(GVariant *state, uint32_t id, struct mailbox *mb, struct prop_numbers *numbers)
{
	const char *name, *class_name, *distinguished;
	guint32 parent;
	guint64 mod, created, next_uid;
	gboolean hidden;
	GVariantIter *props;

	g_variant_get(state, "(utt&sm&sm&sbta(ubas))", &parent, &mod, &created, &name, &class_name,
	        &distinguished, &hidden, &next_uid, &props);
	struct folder *folder = folder_restore(mb, id, name, class_name, distinguished);
	folder->parent_id = parent;
	folder->mod = mod;
	folder->created_mod = created;
	folder->hidden = hidden;
	folder->next_uid = next_uid;
	bool ok = (distinguished == NULL) == (folder->distinguished == NULL) &&
	          props_unpack(folder->props, props, numbers);
	g_variant_iter_free(props);
	return ok;
}

/* --- items */

static void attachments_pack(
        GVariantBuilder *out, const GPtrArray *list, struct prop_numbers *numbers);

static GVariant *attached_pack(const struct item *item, struct prop_numbers *numbers)
{
	GVariantBuilder out;

	if (item == NULL)
		return NULL;
	g_variant_builder_init(&out, G_VARIANT_TYPE(ATTACHED_TYPE));
	g_variant_builder_add(&out, "y", (guchar)item->kind);
	g_variant_builder_add(&out, "x", item->created_s);
	g_variant_builder_add(&out, "i", item->created_ns);
	g_variant_builder_add(&out, "x", item->modified_s);
	g_variant_builder_add(&out, "i", item->modified_ns);
	props_pack(&out, item->props, numbers);
	attachments_pack(&out, item->attachments, numbers);
	return g_variant_builder_end(&out);
}

static GVariant *bytes_pack(GBytes *bytes)
{
	if (bytes == NULL)
		return g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, "", 0, 1);
	return g_variant_new_from_bytes(G_VARIANT_TYPE("ay"), bytes, TRUE);
}

static void attachments_pack(
        GVariantBuilder *out, const GPtrArray *list, struct prop_numbers *numbers)
{
	g_variant_builder_open(out, G_VARIANT_TYPE(ATTACHMENTS_TYPE));
	for (guint i = 0; list != NULL && i < list->len; i++) {
		const struct attachment *a = list->pdata[i];
		g_variant_builder_add(out, "(tsmsmsms@aybbxmv)", a->id, a->name, a->content_type,
		        a->content_id, a->content_location, bytes_pack(a->content), a->is_inline,
		        a->is_contact_photo, a->modified_s, attached_pack(a->item, numbers));
	}
	g_variant_builder_close(out);
}

static bool attachments_unpack(
        struct item *item, GVariantIter *in, const struct prop_numbers *numbers);

/* NULL when the value makes no sense. */
static struct item *attached_unpack(GVariant *state, const struct prop_numbers *numbers)
{
	GVariantIter *props, *attachments;
	guchar kind;

	if (!g_variant_is_of_type(state, G_VARIANT_TYPE(ATTACHED_TYPE)))
		return NULL;
	struct item *item = item_new(ITEM_OTHER);
	g_variant_get(state, ATTACHED_TYPE, &kind, &item->created_s, &item->created_ns,
	        &item->modified_s, &item->modified_ns, &props, &attachments);
	item->kind = MIN(kind, ITEM_OTHER);
	bool ok = kind < ITEM_KINDS && props_unpack(item->props, props, numbers) &&
	          attachments_unpack(item, attachments, numbers);
	g_variant_iter_free(props);
	g_variant_iter_free(attachments);
	if (!ok)
		g_clear_pointer(&item, item_free);
	return item;
}

static bool attachments_unpack(
        struct item *item, GVariantIter *in, const struct prop_numbers *numbers)
{
	GVariant *content, *attached;
	gboolean is_inline, is_photo;

	for (;;) {
		struct attachment *a = attachment_new();
		if (!g_variant_iter_next(in, "(tsmsmsms@aybbxmv)", &a->id, &a->name,
		            &a->content_type, &a->content_id, &a->content_location, &content,
		            &is_inline, &is_photo, &a->modified_s, &attached)) {
			attachment_free(a);
			return true;
		}
		if (attached == NULL)
			a->content = g_variant_get_data_as_bytes(content);
		else
			a->item = attached_unpack(attached, numbers);
		bool ok = attached == NULL || a->item != NULL;
		g_variant_unref(content);
		if (attached != NULL)
			g_variant_unref(attached);
		a->is_inline = is_inline;
		a->is_contact_photo = is_photo;
		item_attach(item, a);
		if (!ok)
			return false;
	}
}

GVariant *item_pack(const struct item *item, struct prop_numbers *numbers)
{
	GVariantBuilder out;

	g_variant_builder_init(&out, G_VARIANT_TYPE(ITEM_TYPE));
	g_variant_builder_add(&out, "t", item->uid);
	g_variant_builder_add(&out, "t", item->mod);
	g_variant_builder_add(&out, "t", item->content_mod);
	g_variant_builder_add(&out, "y", (guchar)item->kind);
	g_variant_builder_add(&out, "b", item->associated);
	g_variant_builder_add(&out, "x", item->created_s);
	g_variant_builder_add(&out, "i", item->created_ns);
	g_variant_builder_add(&out, "x", item->modified_s);
	g_variant_builder_add(&out, "i", item->modified_ns);
	props_pack(&out, item->props, numbers);
	attachments_pack(&out, item->attachments, numbers);
	g_variant_builder_open(&out, G_VARIANT_TYPE("a(ut)"));
	for (guint i = 0; item->history != NULL && i < item->history->len; i++) {
		const struct prop_change *c = &g_array_index(item->history, struct prop_change, i);
		g_variant_builder_add(&out, "(ut)", number_kept(numbers, c->id), c->mod);
	}
	g_variant_builder_close(&out);
	g_variant_builder_add(&out, "m@at",
	        item->members != NULL
	                ? g_variant_new_fixed_array(G_VARIANT_TYPE_UINT64, item->members->data,
	                          item->members->len, sizeof(uint64_t))
	                : NULL);
	return g_variant_builder_end(&out);
}

static bool history_unpack(struct item *item, GVariantIter *in, const struct prop_numbers *numbers)
{
	struct prop_change c;
	guint32 kept;
	guint64 mod;

	while (g_variant_iter_next(in, "(ut)", &kept, &mod)) {
		if (!number_here(numbers, kept, &c.id))
			return false;
		c.mod = mod;
		if (item->history == NULL)
			item->history = g_array_new(FALSE, FALSE, sizeof c);
		g_array_append_val(item->history, c);
	}
	return true;
}

static void members_unpack(struct item *item, GVariant *members)
{
	gsize n;

	if (members == NULL)
		return;
	const guint64 *ids = g_variant_get_fixed_array(members, &n, sizeof *ids);
	item->members = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	g_array_append_vals(item->members, ids, (guint)n);
	g_variant_unref(members);
}

bool item_unpack(GVariant *state, uint64_t id, struct folder *folder, struct prop_numbers *numbers)
{
	GVariantIter *props, *attachments, *history;
	GVariant *members;
	guchar kind;
	gboolean associated;
	struct item *item = item_new(ITEM_OTHER);

	g_variant_get(state, "(tttybxixia(ubas)" ATTACHMENTS_TYPE "a(ut)m@at)", &item->uid,
	        &item->mod, &item->content_mod, &kind, &associated, &item->created_s,
	        &item->created_ns, &item->modified_s, &item->modified_ns, &props, &attachments,
	        &history, &members);
	item->kind = MIN(kind, ITEM_OTHER);
	item->id = id;
	item->associated = associated;
	bool ok = kind < ITEM_KINDS && item_find(folder->mailbox, id) == NULL &&
	          props_unpack(item->props, props, numbers) &&
	          history_unpack(item, history, numbers) &&
	          attachments_unpack(item, attachments, numbers);
	members_unpack(item, members);
	g_variant_iter_free(props);
	g_variant_iter_free(attachments);
	g_variant_iter_free(history);
	if (ok)
		item_restore(folder, item);
	else
		item_free(item);
	return ok;
}
