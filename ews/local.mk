noinst_LIBRARIES += libimex-ews.a
libimex_ews_a_SOURCES = \
	ews/answer.c ews/answer.h \
	ews/codes.c ews/codes.h \
	ews/contact_driver.h \
	ews/contact_update.c \
	ews/contacts.c ews/contacts.h \
	ews/create_all.c \
	ews/driver_folder.c \
	ews/driver_ucs.c \
	ews/elements.c ews/elements.h \
	ews/ews.h \
	ews/folders.c ews/folders.h \
	ews/im_check.c \
	ews/im_list.c ews/im_list.h \
	ews/item.c ews/item.h \
	ews/mailbox.c \
	ews/messages.c ews/messages.h \
	ews/op_add_distribution_group_to_im_list.c \
	ews/op_add_im_contact_to_group.c \
	ews/op_add_im_group.c \
	ews/op_add_new_im_contact_to_group.c \
	ews/op_add_new_tel_uri_contact_to_group.c \
	ews/op_create_folder.c \
	ews/op_create_item.c \
	ews/op_delete_item.c \
	ews/op_find_folder.c \
	ews/op_find_item.c \
	ews/op_get_attachment.c \
	ews/op_get_folder.c \
	ews/op_get_im_item_list.c \
	ews/op_get_im_items.c \
	ews/op_get_item.c \
	ews/op_remove_contact_from_im_list.c \
	ews/op_remove_distribution_group_from_im_list.c \
	ews/op_remove_im_contact_from_group.c \
	ews/op_remove_im_group.c \
	ews/op_resolve_names.c \
	ews/op_set_im_group.c \
	ews/op_set_im_list_migration_completed.c \
	ews/op_sync_folder_items.c \
	ews/op_update_item.c \
	ews/ops.h \
	ews/request.c \
	ews/session.c ews/session.h ews/session_private.h \
	ews/ucs.h \
	ews/ucs_groups.c \
	ews/ucs_read.c
