/*
 * Private to ews/: the operations, one file each (op_NAME.c). Each writes its request, sends it
 * and reads the answer. Requests follow the published schema, whose element order is part of it.
 */
#ifndef IMEX_EWS_OPS_H
#define IMEX_EWS_OPS_H

#include "ews/item.h"
#include "ews/messages.h"
#include "ews/session_private.h"

/* A folder by its distinguished name, or by id. */
struct ews_folder {
	const char *distinguished; /* "contacts"; NULL: */
	const char *id;
};
void ews_write_folder(
        const struct ews_session *session, struct xml_writer *w, const struct ews_folder *folder);

/* Which properties of items are asked for. */
enum ews_shape {
	EWS_SHAPE_ID,
	EWS_SHAPE_CONTACT, /* what a contact of the list is made of */
	EWS_SHAPE_CONTACT_FULL, /* also what an update and a look-up want to know */
	EWS_SHAPE_ATTACHMENTS, /* what is attached, without the content */
	EWS_SHAPE_MESSAGE,
};
void ews_write_item_shape(struct xml_writer *w, enum ews_shape shape);

/* folders */

/* ids: one per folder, owned, NULL where that folder failed; failures: an error likewise. */
bool ews_get_folder(struct ews_session *session, const struct ews_folder *folders,
        const char *const *mailboxes, size_t n, char **ids, GError **failures, GError **error);
/* Of the folders of that display name below parent the first; *id is NULL when there is none. */
bool ews_find_folder(struct ews_session *session, const struct ews_folder *parent,
        const char *display_name, char **id, GError **error);
/*
 * Ids (char *, appended) of the mail folders below parent, at any depth; *all is false when there
 * are more than one answer holds.
 */
bool ews_list_folders(struct ews_session *session, const struct ews_folder *parent, GPtrArray *ids,
        bool *all, GError **error);
bool ews_create_folder(struct ews_session *session, const struct ews_folder *parent,
        const char *display_name, char **id, GError **error);

/* names */

/* Both out strings owned; both NULL when the directory has no single answer. */
bool ews_resolve_names(
        struct ews_session *session, const char *smtp, char **primary, char **name, GError **error);

/* items */

enum ews_sync_kind {
	EWS_SYNC_CREATE,
	EWS_SYNC_UPDATE,
	EWS_SYNC_DELETE, /* the item has an id and nothing else */
};
typedef bool ews_sync_sink(
        enum ews_sync_kind kind, const struct ews_item *item, void *data, GError **error);

struct ews_sync_page {
	char *state; /* owned: after this page */
	bool last;
	unsigned changes;
};
/* One page, of at most max (1 to 512) changes. read flag changes are left out. */
bool ews_sync_folder_items(struct ews_session *session, const struct ews_folder *folder,
        enum ews_shape shape, const char *state_in, unsigned max, ews_sync_sink *sink, void *data,
        struct ews_sync_page *page, GError **error);

/* All pages, see op_sync_folder_items.c. */
struct ews_sync_walk {
	const struct ews_folder *folder;
	enum ews_shape shape;
	ews_sync_sink *sink;
	/* After each page, outside of the answer's reading: may make other calls. May be NULL. */
	bool (*page_done)(void *data, GError **error);
	void *data;
};
bool ews_sync_walk(struct ews_session *session, const struct ews_sync_walk *walk,
        const char *state_in, char **state_out, GError **error);

/* One call per id that was asked for, failed or not; item is NULL with a failure. */
typedef bool ews_get_sink(size_t index, const struct ews_item *item, const GError *failure,
        void *data, GError **error);
/* Any number of ids: in batches, smaller ones when the server is slow, the rest again if stopped.
 */
bool ews_get_items(struct ews_session *session, const char *const *ids, size_t n,
        enum ews_shape shape, ews_get_sink *sink, void *data, GError **error);
bool ews_get_item_mime(struct ews_session *session, const char *id, ews_bytes_sink *sink,
        void *data, GError **error);

struct ews_find {
	const struct ews_folder *folder;
	enum ews_shape shape;
	void (*restriction)(struct xml_writer *w, const void *data); /* NULL: none */
	const void *restriction_data;
	const char *sort_field; /* ascending; NULL: none */
	unsigned offset;
	unsigned max;
};
struct ews_find_page {
	unsigned items;
	unsigned next_offset;
	bool last;
};
typedef bool ews_find_sink(const struct ews_item *item, void *data, GError **error);
bool ews_find_item(struct ews_session *session, const struct ews_find *find, ews_find_sink *sink,
        void *data, struct ews_find_page *page, GError **error);

struct ews_create {
	const struct ews_folder *folder;
	bool messages; /* MessageDisposition="SaveOnly" */
	size_t n;
	void (*write)(struct xml_writer *w, size_t index, const void *data); /* one whole item */
	const void *data;
	struct ews_outcome *outcomes; /* of n */
	size_t answered; /* out: outcomes that are filled; the server left the others undone */
};
bool ews_create_items(struct ews_session *session, struct ews_create *create, GError **error);

struct ews_update {
	const struct ews_item_ref *ref;
	void (*write)(struct xml_writer *w, const void *data); /* the content of t:Updates */
	const void *data;
};
bool ews_update_item(struct ews_session *session, const struct ews_update *update,
        struct ews_item_ref *out, GError **error);

/* type: "HardDelete", "MoveToDeletedItems". Gone already is success. */
/* change_key may be NULL; servers that honour it refuse to delete what has changed since. */
bool ews_delete_item(struct ews_session *session, const char *id, const char *change_key,
        const char *type, GError **error);

/* the Unified Contact Store */

struct ews_im_group {
	struct group *group; /* owned */
	GPtrArray *members; /* char *: ids of contacts */
};

/* A contact of the list. Borrowed, until the sink returns. */
struct ews_im_persona {
	const char *item_id; /* NULL: none of its attributions is an IM contact */
	const char *change_key;
	const char *name; /* or NULL */
	const char *address; /* as found, or NULL */
	const char *number; /* telephone, or NULL */
};
struct ews_im_sink {
	/* May take group->group and set it to NULL. */
	bool (*group)(struct ews_im_group *group, void *data, GError **error);
	bool (*persona)(const struct ews_im_persona *persona, void *data, GError **error);
	void *data;
};
/* Groups come before personas; an answer where they do not is ews.protocol. */
bool ews_get_im_item_list(
        struct ews_session *session, const struct ews_im_sink *sink, GError **error);
/* The arrays end with NULL; either may be NULL. */
bool ews_get_im_items(struct ews_session *session, const char *const *contact_ids,
        const char *const *group_ids, const struct ews_im_sink *sink, GError **error);

/* out: what the server made. */
bool ews_add_im_group(
        struct ews_session *session, const char *name, struct ews_item_ref *out, GError **error);
bool ews_set_im_group(
        struct ews_session *session, const char *id, const char *name, GError **error);
bool ews_remove_im_group(struct ews_session *session, const char *id, GError **error);
/* name and group_id may be NULL. */
/* *shown: the contact's name as the server shows it now; NULL: it does not say. Owned. */
bool ews_add_new_im_contact_to_group(struct ews_session *session, const char *address,
        const char *name, const char *group_id, struct ews_item_ref *out, char **shown,
        GError **error);
bool ews_add_new_tel_uri_contact_to_group(struct ews_session *session, const char *tel_uri,
        const char *sip_uri, const char *number, const char *group_id, struct ews_item_ref *out,
        GError **error);
bool ews_add_im_contact_to_group(
        struct ews_session *session, const char *contact_id, const char *group_id, GError **error);
bool ews_remove_im_contact_from_group(
        struct ews_session *session, const char *contact_id, const char *group_id, GError **error);
bool ews_remove_contact_from_im_list(
        struct ews_session *session, const char *contact_id, GError **error);
bool ews_add_distribution_group_to_im_list(struct ews_session *session, const char *smtp,
        const char *name, struct ews_item_ref *out, GError **error);
bool ews_remove_distribution_group_from_im_list(
        struct ews_session *session, const char *id, GError **error);
bool ews_set_im_list_migration_completed(
        struct ews_session *session, bool completed, GError **error);

#endif
