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

#endif
