#include "folder_write.h"

#include "habits.h"

#include <string.h>

enum {
	FF_ID = 1,
	FF_PARENT = 2,
	FF_CLASS = 4,
	FF_NAME = 8,
	FF_TOTAL = 16,
	FF_CHILDREN = 32,
	FF_RIGHTS = 64,
	FF_DISTINGUISHED = 128,
	FF_UNREAD = 256,
	FF_PERMISSIONS = 512,
	FF_OTHER = 1024 /* known to the schema, never set here */
};

static const struct {
	const char *uri;
	unsigned bit;
} folder_fields[] = {
        {"folder:FolderId", FF_ID},
        {"folder:ParentFolderId", FF_PARENT},
        {"folder:FolderClass", FF_CLASS},
        {"folder:DisplayName", FF_NAME},
        {"folder:TotalCount", FF_TOTAL},
        {"folder:ChildFolderCount", FF_CHILDREN},
        {"folder:EffectiveRights", FF_RIGHTS},
        {"folder:DistinguishedFolderId", FF_DISTINGUISHED},
        {"folder:UnreadCount", FF_UNREAD},
        {"folder:PermissionSet", FF_PERMISSIONS},
        {"folder:SharingEffectiveRights", FF_OTHER},
        {"folder:ManagedFolderInformation", FF_OTHER},
        {"folder:SearchParameters", FF_OTHER},
        {"folder:PolicyTag", FF_OTHER},
        {"folder:ArchiveTag", FF_OTHER},
        {"folder:ReplicaList", FF_OTHER},
};

#define FF_DEFAULT (FF_ID | FF_NAME | FF_TOTAL | FF_CHILDREN | FF_UNREAD)
#define FF_ALL (FF_DEFAULT | FF_PARENT | FF_CLASS | FF_RIGHTS | FF_DISTINGUISHED)
#define FF_ALL_GROMMUNIO (FF_DEFAULT | FF_PARENT | FF_CLASS)

static const char *parse_path(struct folder_shape *shape, const struct xml_node *path)
{
	const char *code = NULL;

	if (strcmp(path->name, "ExtendedFieldURI") == 0) {
		ext_prop_from_node(path, &code);
		if (code == NULL)
			g_ptr_array_add(shape->extended, (gpointer)(uintptr_t)path);
		return code;
	}
	const char *uri = xml_attr(path, "FieldURI");
	for (size_t i = 0; uri != NULL && i < G_N_ELEMENTS(folder_fields); i++)
		if (strcmp(folder_fields[i].uri, uri) == 0) {
			shape->fields |= folder_fields[i].bit;
			return NULL;
		}
	return "ErrorInvalidPropertyRequest";
}

const char *folder_shape_parse(const struct xml_node *node, struct folder_shape *shape)
{
	const char *base = xml_child_text(node, "BaseShape"), *code = NULL;
	const struct xml_node *more = xml_child(node, "AdditionalProperties");

	shape->extended = g_ptr_array_new();
	shape->fields = FF_ID;
	if (strcmp(base, "Default") == 0)
		shape->fields = FF_DEFAULT;
	else if (strcmp(base, "AllProperties") == 0)
		shape->fields = grommunio() ? FF_ALL_GROMMUNIO : FF_ALL;
	for (const struct xml_node *p = more != NULL ? more->first : NULL;
	        p != NULL && code == NULL; p = p->next)
		code = parse_path(shape, p);
	return code;
}

void folder_shape_clear(struct folder_shape *shape)
{
	g_ptr_array_free(shape->extended, TRUE);
}

const char *folder_element(const struct folder *folder)
{
	static const struct {
		const char *prefix, *element;
	} kinds[] = {{"IPF.Contact", "t:ContactsFolder"}, {"IPF.Appointment", "t:CalendarFolder"},
	        {"IPF.Task", "t:TasksFolder"}};

	for (size_t i = 0; folder->class_name != NULL && i < G_N_ELEMENTS(kinds); i++)
		if (g_str_has_prefix(folder->class_name, kinds[i].prefix))
			return kinds[i].element;
	return "t:Folder";
}

static bool has_unread(const struct folder *folder)
{
	const char *element = folder_element(folder);
	return strcmp(element, "t:Folder") == 0 ||
	       (strcmp(element, "t:TasksFolder") == 0 && !grommunio());
}

static void write_rights(GString *out)
{
	g_string_append(out,
	        "<t:EffectiveRights><t:CreateAssociated>true</t:CreateAssociated>"
	        "<t:CreateContents>true</t:CreateContents><t:CreateHierarchy>true</"
	        "t:CreateHierarchy>"
	        "<t:Delete>true</t:Delete><t:Modify>true</t:Modify><t:Read>true</t:Read>"
	        "<t:ViewPrivateItems>true</t:ViewPrivateItems></t:EffectiveRights>");
}

/* An extended property of a folder: stored ones, and those that are fields under another name. */
static void write_extended(GString *out, const struct folder *folder, const struct xml_node *path)
{
	const char *code;
	uint32_t id = ext_prop_from_node(path, &code);
	const struct prop *p = props_find(folder->props, id);
	const struct field *f = field_of(id);
	const char *text = p != NULL && !p->is_list ? p->v.text : NULL;

	if (f != NULL && strcmp(f->uri, "contacts:DisplayName") == 0)
		text = folder->name;
	if (text == NULL && (p == NULL || !p->is_list))
		return;
	g_string_append(out, "<t:ExtendedProperty>");
	ext_path_write(out, path);
	if (text != NULL) {
		xml_put(out, "t:Value", text);
	} else {
		g_string_append(out, "<t:Values>");
		for (char **v = p->v.list; *v != NULL; v++)
			xml_put(out, "t:Value", *v);
		g_string_append(out, "</t:Values>");
	}
	g_string_append(out, "</t:ExtendedProperty>");
}

void folder_write(GString *out, struct folder *folder, const struct folder_shape *shape)
{
	const char *element = folder_element(folder);
	unsigned want = shape->fields;

	xml_open(out, element);
	folder_id_write(out, "t:FolderId", folder);
	if ((want & FF_PARENT) != 0)
		parent_id_write(out, folder->parent != NULL ? folder->parent : folder);
	if ((want & FF_CLASS) != 0)
		xml_put(out, "t:FolderClass", folder->class_name);
	if ((want & FF_NAME) != 0)
		xml_put(out, "t:DisplayName", folder->name);
	if ((want & FF_TOTAL) != 0)
		xml_put_int(out, "t:TotalCount", folder_count(folder));
	if ((want & FF_CHILDREN) != 0)
		xml_put_int(out, "t:ChildFolderCount", folder->children->len);
	for (guint i = 0; i < shape->extended->len; i++)
		write_extended(out, folder, shape->extended->pdata[i]);
	if ((want & FF_RIGHTS) != 0)
		write_rights(out);
	if ((want & FF_DISTINGUISHED) != 0)
		xml_put(out, "t:DistinguishedFolderId", folder->distinguished);
	if ((want & FF_UNREAD) != 0 && has_unread(folder))
		xml_put_int(out, "t:UnreadCount", folder->unread);
	xml_close(out, element);
}

void folder_write_id_only(GString *out, struct folder *folder)
{
	const char *element = folder_element(folder);

	xml_open(out, element);
	folder_id_write(out, "t:FolderId", folder);
	xml_close(out, element);
}

char *folder_field_value(struct folder *folder, const char *uri)
{
	if (strcmp(uri, "folder:DisplayName") == 0)
		return g_strdup(folder->name);
	if (strcmp(uri, "folder:FolderClass") == 0)
		return g_strdup(folder->class_name);
	if (strcmp(uri, "folder:TotalCount") == 0)
		return g_strdup_printf("%u", folder_count(folder));
	if (strcmp(uri, "folder:ChildFolderCount") == 0)
		return g_strdup_printf("%u", folder->children->len);
	if (strcmp(uri, "folder:UnreadCount") == 0)
		return g_strdup_printf("%u", folder->unread);
	return NULL;
}
