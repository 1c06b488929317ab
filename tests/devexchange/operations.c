/* The table of operations. */
#include "operations.h"

#include <string.h>

const struct operation operations[] = {
        {"GetFolder", op_get_folder, V2007, 0},
        {"FindFolder", op_find_folder, V2007, 0},
        {"CreateFolder", op_create_folder, V2007, OP_WRITES},
        {"SyncFolderItems", op_sync_folder_items, V2007, 0},
        {"SyncFolderHierarchy", op_sync_folder_hierarchy, V2007, 0},
        {"GetItem", op_get_item, V2007, 0},
        {"CreateItem", op_create_item, V2007, OP_WRITES},
        {"UpdateItem", op_update_item, V2007, OP_WRITES},
        {"DeleteItem", op_delete_item, V2007, OP_WRITES},
        {"MoveItem", op_move_item, V2007, OP_WRITES},
        {"CopyItem", op_copy_item, V2007, OP_WRITES},
        {"FindItem", op_find_item, V2007, 0},
        {"ResolveNames", op_resolve_names, V2007, 0},
        {"UpdateFolder", op_update_folder, V2007, OP_WRITES},
        {"DeleteFolder", op_delete_folder, V2007, OP_WRITES},
        {"EmptyFolder", op_empty_folder, V2010_SP1, OP_WRITES},
        {"MoveFolder", op_move_folder, V2007, OP_WRITES},
        {"CopyFolder", op_copy_folder, V2007, OP_WRITES},
        {"CreateAttachment", op_create_attachment, V2007, OP_WRITES},
        {"GetAttachment", op_get_attachment, V2007, 0},
        {"DeleteAttachment", op_delete_attachment, V2007, OP_WRITES},
        {"GetUserPhoto", op_get_user_photo, V2013, OP_DIRECT},
        {"ConvertId", op_convert_id, V2007_SP1, 0},
        {"GetServerTimeZones", op_get_server_time_zones, V2010, OP_NOT_GROMMUNIO},
        {"ExpandDL", op_expand_dl, V2007, 0},
        {"Subscribe", op_subscribe, V2007, OP_AFFINITY},
        {"Unsubscribe", op_unsubscribe, V2007, OP_AFFINITY},
        {"GetEvents", op_get_events, V2007, OP_AFFINITY},
        {"GetStreamingEvents", op_get_streaming_events, V2010_SP1, OP_AFFINITY},
        {"GetImItemList", op_get_im_item_list, V2013, OP_UCS | OP_DIRECT},
        {"GetImItems", op_get_im_items, V2013, OP_UCS | OP_DIRECT},
        {"AddImGroup", op_add_im_group, V2013, OP_UCS | OP_DIRECT | OP_WRITES},
        {"SetImGroup", op_set_im_group, V2013, OP_UCS | OP_DIRECT | OP_WRITES},
        {"RemoveImGroup", op_remove_im_group, V2013, OP_UCS | OP_DIRECT | OP_WRITES},
        {"AddNewImContactToGroup", op_add_new_im_contact, V2013, OP_UCS | OP_DIRECT | OP_WRITES},
        {"AddImContactToGroup", op_add_im_contact_to_group, V2013, OP_UCS | OP_DIRECT | OP_WRITES},
        {"RemoveImContactFromGroup", op_remove_im_contact_from_group, V2013,
                OP_UCS | OP_DIRECT | OP_WRITES},
        {"RemoveContactFromImList", op_remove_contact_from_im_list, V2013,
                OP_UCS | OP_DIRECT | OP_WRITES},
        {"AddNewTelUriContactToGroup", op_add_new_tel_uri_contact, V2013,
                OP_UCS | OP_DIRECT | OP_WRITES},
        {"AddDistributionGroupToImList", op_add_distribution_group, V2013,
                OP_UCS | OP_DIRECT | OP_WRITES},
        {"RemoveDistributionGroupFromImList", op_remove_distribution_group, V2013,
                OP_UCS | OP_DIRECT | OP_WRITES},
        {"SetImListMigrationCompleted", op_set_im_list_migration, V2013,
                OP_UCS | OP_DIRECT | OP_WRITES},
};

const size_t n_operations = G_N_ELEMENTS(operations);

const struct operation *operation_find(const char *name)
{
	for (size_t i = 0; i < n_operations; i++)
		if (strcmp(operations[i].name, name) == 0)
			return &operations[i];
	return NULL;
}
