/* The functions of the operations; each has a file op_*.c of its own. */
#ifndef DEVX_OPERATIONS_H
#define DEVX_OPERATIONS_H

#include "soap.h"

void op_get_folder(struct ctx *ctx);
void op_find_folder(struct ctx *ctx);
void op_create_folder(struct ctx *ctx);
void op_sync_folder_items(struct ctx *ctx);
void op_sync_folder_hierarchy(struct ctx *ctx);
void op_get_item(struct ctx *ctx);
void op_create_item(struct ctx *ctx);
void op_update_item(struct ctx *ctx);
void op_delete_item(struct ctx *ctx);
void op_move_item(struct ctx *ctx);
void op_copy_item(struct ctx *ctx);
void op_find_item(struct ctx *ctx);
void op_resolve_names(struct ctx *ctx);
void op_get_im_item_list(struct ctx *ctx);
void op_get_im_items(struct ctx *ctx);
void op_add_im_group(struct ctx *ctx);
void op_set_im_group(struct ctx *ctx);
void op_remove_im_group(struct ctx *ctx);
void op_add_new_im_contact(struct ctx *ctx);
void op_add_im_contact_to_group(struct ctx *ctx);
void op_remove_im_contact_from_group(struct ctx *ctx);
void op_remove_contact_from_im_list(struct ctx *ctx);
void op_add_new_tel_uri_contact(struct ctx *ctx);
void op_add_distribution_group(struct ctx *ctx);
void op_remove_distribution_group(struct ctx *ctx);
void op_set_im_list_migration(struct ctx *ctx);
void op_update_folder(struct ctx *ctx);
void op_delete_folder(struct ctx *ctx);
void op_empty_folder(struct ctx *ctx);
void op_move_folder(struct ctx *ctx);
void op_copy_folder(struct ctx *ctx);
void op_create_attachment(struct ctx *ctx);
void op_get_attachment(struct ctx *ctx);
void op_delete_attachment(struct ctx *ctx);
void op_get_user_photo(struct ctx *ctx);
void op_convert_id(struct ctx *ctx);
void op_get_server_time_zones(struct ctx *ctx);
void op_expand_dl(struct ctx *ctx);
void op_subscribe(struct ctx *ctx);
void op_unsubscribe(struct ctx *ctx);
void op_get_events(struct ctx *ctx);
void op_get_streaming_events(struct ctx *ctx);

/* Gives new attachments of an item their numbers. */
void attachments_number(struct mailbox *mailbox, struct item *item);

#endif
