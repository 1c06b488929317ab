/*
 * Folders of the mailbox in use.
 */
#ifndef IMEX_EWS_FOLDERS_H
#define IMEX_EWS_FOLDERS_H

#include "ews/session.h"

enum ews_folder_kind {
	EWS_FOLDER_CONVERSATION_HISTORY, /* visible to the user */
	EWS_FOLDER_PURGES, /* Recoverable Items/Purges: for compliance, not visible */
	EWS_FOLDER_CONTACTS,
};

/*
 * The folder's id (owned). Conversation History is the distinguished folder, else the folder of
 * that name below the root of the mailbox, made when there is none. Purges and Contacts are never
 * made: ews.not_found when the server has none.
 */
bool ews_folder_ensure(
        struct ews_session *session, enum ews_folder_kind kind, char **folder_id, GError **error);

/* The same without making any: *folder_id is NULL when the folder is not there. */
bool ews_folder_find(
        struct ews_session *session, enum ews_folder_kind kind, char **folder_id, GError **error);

/*
 * Ids (char *, appended) of all folders to which an owner, or the server for him, may have moved a
 * message: the mail folders of the mailbox and what Recoverable Items keeps. *all is false when
 * there are more folders than one answer tells.
 */
bool ews_folders_of_mail(struct ews_session *session, GPtrArray *ids, bool *all, GError **error);

#endif
