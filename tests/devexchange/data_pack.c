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

/*
 * --- properties, as bytes: the number and the count of values, each in seven bits a byte with the
 * least significant first, then the values, each with a zero byte behind it. A count of 0 stands
 * for the one value of a property that holds no list.
 */

static void put_number(GByteArray *out, uint32_t v)
{
	do {
		guint8 byte = (guint8)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
		g_byte_array_append(out, &byte, 1);
		v >>= 7;
	} while (v > 0);
}

static bool get_number(const guchar **p, const guchar *end, uint32_t *v)
{
	*v = 0;
	for (unsigned shift = 0; *p < end && shift < 32; shift += 7) {
		guchar byte = *(*p)++;
		*v |= (uint32_t)(byte & 0x7f) << shift;
		if ((byte & 0x80) == 0)
			return true;
	}
	return false;
}

static void put_text(GByteArray *out, const char *text)
{
	g_byte_array_append(out, (const guint8 *)text, (guint)strlen(text) + 1);
}

static char *get_text(const guchar **p, const guchar *end)
{
	const guchar *zero = memchr(*p, 0, (size_t)(end - *p));
	char *text = zero != NULL ? g_strndup((const char *)*p, (gsize)(zero - *p)) : NULL;

	if (zero != NULL)
		*p = zero + 1;
	return text;
}

static GVariant *props_pack(const GArray *props, struct prop_numbers *numbers)
{
	GByteArray *out = g_byte_array_new();

	for (guint i = 0; i < props->len; i++) {
		const struct prop *p = &g_array_index(props, struct prop, i);
		put_number(out, number_kept(numbers, p->id));
		put_number(out, p->is_list ? g_strv_length(p->v.list) : 0);
		if (!p->is_list)
			put_text(out, p->v.text);
		for (char **v = p->is_list ? p->v.list : NULL; v != NULL && *v != NULL; v++)
			put_text(out, *v);
	}
	GBytes *bytes = g_byte_array_free_to_bytes(out);
	GVariant *packed = g_variant_new_from_bytes(G_VARIANT_TYPE_BYTESTRING, bytes, TRUE);
	g_bytes_unref(bytes);
	return packed;
}

static bool list_unpack(GArray *props, uint32_t id, uint32_t n, const guchar **p, const guchar *end)
{
	GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
	bool ok = true;

	for (uint32_t i = 0; i < n && ok; i++) {
		char *text = get_text(p, end);
		ok = text != NULL;
		if (ok)
			g_ptr_array_add(list, text);
	}
	g_ptr_array_add(list, NULL);
	char **texts = (char **)g_ptr_array_free(list, FALSE);
	if (ok)
		props_take_list(props, id, texts);
	else
		g_strfreev(texts);
	return ok;
}

/* Takes the reference to the packed bytes. */
static bool props_unpack(GArray *props, GVariant *packed, const struct prop_numbers *numbers)
{
	gsize length;
	const guchar *p = g_variant_get_fixed_array(packed, &length, 1), *end = p + length;
	uint32_t kept, id, n;
	bool ok = true;

	while (ok && p < end) {
		ok = get_number(&p, end, &kept) && get_number(&p, end, &n) &&
		     number_here(numbers, kept, &id);
		if (ok && n > 0) {
			ok = list_unpack(props, id, n, &p, end);
		} else if (ok) {
			char *text = get_text(&p, end);
			ok = text != NULL;
			props_take(props, id, text);
		}
	}
	g_variant_unref(packed);
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
	return g_variant_new("(uttsmsmsbt@ay)", folder->parent != NULL ? folder->parent->id : 0,
	        folder->mod, folder->created_mod, folder->name, folder->class_name,
	        folder->distinguished, folder->hidden, folder->next_uid,
	        props_pack(folder->props, numbers));
}

bool folder_unpack(GVariant *state, uint32_t id, struct mailbox *mb, struct prop_numbers *numbers)
{
	const char *name, *class_name, *distinguished;
	guint32 parent;
	guint64 mod, created, next_uid;
	gboolean hidden;
	GVariant *props;

	g_variant_get(state, "(utt&sm&sm&sbt@ay)", &parent, &mod, &created, &name, &class_name,
	        &distinguished, &hidden, &next_uid, &props);
	struct folder *folder = folder_restore(mb, id, name, class_name, distinguished);
	folder->parent_id = parent;
	folder->mod = mod;
	folder->created_mod = created;
	folder->hidden = hidden;
	folder->next_uid = next_uid;
	return props_unpack(folder->props, props, numbers) &&
	       (distinguished == NULL) == (folder->distinguished == NULL);
}

/* --- items */

static GVariant *attachments_pack(const GPtrArray *list, struct prop_numbers *numbers);

static GVariant *attached_pack(const struct item *item, struct prop_numbers *numbers)
{
	return item == NULL ? NULL
	                    : g_variant_new("(yxixi@ay@" ATTACHMENTS_TYPE ")", (guchar)item->kind,
	                              item->created_s, item->created_ns, item->modified_s,
	                              item->modified_ns, props_pack(item->props, numbers),
	                              attachments_pack(item->attachments, numbers));
}

static GVariant *bytes_pack(GBytes *bytes)
{
	if (bytes == NULL)
		return g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, "", 0, 1);
	return g_variant_new_from_bytes(G_VARIANT_TYPE("ay"), bytes, TRUE);
}

static GVariant *attachments_pack(const GPtrArray *list, struct prop_numbers *numbers)
{
	GVariantBuilder out;

	g_variant_builder_init(&out, G_VARIANT_TYPE(ATTACHMENTS_TYPE));
	for (guint i = 0; list != NULL && i < list->len; i++) {
		const struct attachment *a = list->pdata[i];
		g_variant_builder_add(&out, "(tsmsmsms@aybbxmv)", a->id, a->name, a->content_type,
		        a->content_id, a->content_location, bytes_pack(a->content), a->is_inline,
		        a->is_contact_photo, a->modified_s, attached_pack(a->item, numbers));
	}
	return g_variant_builder_end(&out);
}

static bool attachments_unpack(
        struct item *item, GVariantIter *in, const struct prop_numbers *numbers);

/* NULL when the value makes no sense. */
static struct item *attached_unpack(GVariant *state, const struct prop_numbers *numbers)
{
	GVariantIter *attachments;
	GVariant *props;
	guchar kind;

	if (!g_variant_is_of_type(state, G_VARIANT_TYPE(ATTACHED_TYPE)))
		return NULL;
	struct item *item = item_new(ITEM_OTHER);
	g_variant_get(state, "(yxixi@ay" ATTACHMENTS_TYPE ")", &kind, &item->created_s,
	        &item->created_ns, &item->modified_s, &item->modified_ns, &props, &attachments);
	item->kind = MIN(kind, ITEM_OTHER);
	bool ok = props_unpack(item->props, props, numbers) && kind < ITEM_KINDS &&
	          attachments_unpack(item, attachments, numbers);
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

static GVariant *history_pack(const GArray *history, struct prop_numbers *numbers)
{
	GVariantBuilder out;

	g_variant_builder_init(&out, G_VARIANT_TYPE("a(ut)"));
	for (guint i = 0; history != NULL && i < history->len; i++) {
		const struct prop_change *c = &g_array_index(history, struct prop_change, i);
		g_variant_builder_add(&out, "(ut)", number_kept(numbers, c->id), c->mod);
	}
	return g_variant_builder_end(&out);
}

GVariant *item_pack(const struct item *item, struct prop_numbers *numbers)
{
	GVariant *members = item->members != NULL ? g_variant_new_fixed_array(G_VARIANT_TYPE_UINT64,
	                                                    item->members->data, item->members->len,
	                                                    sizeof(uint64_t))
	                                          : NULL;

	return g_variant_new("(tttybxixi@ay@" ATTACHMENTS_TYPE "@a(ut)m@at)", item->uid, item->mod,
	        item->content_mod, (guchar)item->kind, item->associated, item->created_s,
	        item->created_ns, item->modified_s, item->modified_ns,
	        props_pack(item->props, numbers), attachments_pack(item->attachments, numbers),
	        history_pack(item->history, numbers), members);
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
	GVariantIter *attachments, *history;
	GVariant *props, *members;
	guchar kind;
	gboolean associated;
	struct item *item = item_new(ITEM_OTHER);

	g_variant_get(state, "(tttybxixi@ay" ATTACHMENTS_TYPE "a(ut)m@at)", &item->uid, &item->mod,
	        &item->content_mod, &kind, &associated, &item->created_s, &item->created_ns,
	        &item->modified_s, &item->modified_ns, &props, &attachments, &history, &members);
	item->kind = MIN(kind, ITEM_OTHER);
	item->id = id;
	item->associated = associated;
	bool ok = props_unpack(item->props, props, numbers) &&
	          history_unpack(item, history, numbers) &&
	          attachments_unpack(item, attachments, numbers) && kind < ITEM_KINDS &&
	          item_find(folder->mailbox, id) == NULL;
	members_unpack(item, members);
	g_variant_iter_free(attachments);
	g_variant_iter_free(history);
	if (ok)
		item_restore(folder, item);
	else
		item_free(item);
	return ok;
}
