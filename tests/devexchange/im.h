/*
 * The Unified Contact Store: IM contacts are contact items in `quickcontacts`, IM groups are
 * distribution lists in `imcontactlist` whose members are those items. Both are seen by the plain
 * folder operations too.
 */
#ifndef DEVX_IM_H
#define DEVX_IM_H

#include "soap.h"

#define IM_CLASS "IPM.DistList.MOC."
#define IM_OTHER_CONTACTS IM_CLASS "OtherContacts"
#define IM_FAVORITES IM_CLASS "Favorites"
#define IM_TAGGED IM_CLASS "Tagged"
#define IM_USER_GROUP IM_CLASS "UserGroup"
#define IM_DG IM_CLASS "DG"

/* Locks the mailbox of the request and makes the default groups on first use. */
void im_begin(struct ctx *ctx);

/* NULL on success, else a response code; `bad` is the code for an id of the wrong kind. */
const char *im_group(struct ctx *ctx, const struct xml_node *id, struct item **group);
const char *im_contact(
        struct ctx *ctx, const struct xml_node *id, const char *bad, struct item **contact);
struct item *im_default_group(struct mailbox *mailbox, const char *class_name);
const char *im_class(const struct item *group);
struct item *im_group_named(struct mailbox *mailbox, const char *name);

/* A new group or contact; NULL with *code when the limit is reached. */
struct item *im_group_add(
        struct ctx *ctx, const char *name, const char *class_name, const char **code);
struct item *im_contact_add(
        struct ctx *ctx, const char *address, const char *display_name, const char **code);

bool im_member_add(struct item *group, const struct item *contact); /* false: was there */
bool im_member_remove(struct item *group, const struct item *contact);
/* Takes a contact off the list: out of every group, and its item away. */
void im_contact_remove(struct item *contact);
bool im_in_any_group(const struct item *contact);

/* extended: t:ExtendedProperty paths of the request, or NULL. */
void im_group_write(
        GString *out, const char *tag, const struct item *group, const struct xml_node *extended);
void im_persona_write(
        GString *out, const char *tag, const struct item *contact, const struct xml_node *extended);
/* m:GroupId of the request, or Other Contacts when it is absent. */
const char *im_target_group(struct ctx *ctx, struct item **group);

#endif
