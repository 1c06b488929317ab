/*
 * Everything Exchange: a client of Exchange Web Services (EWS, SOAP 1.1 over HTTPS).
 *
 * session.h    who asks, for which mailbox, and how errors are classed
 * folders.h    folders that are found or made
 * contacts.h   the contact list in a mailbox, in verbs that hide the dialect
 * messages.h   items made from MIME: create, look up, read back, delete
 */
#ifndef IMEX_EWS_EWS_H
#define IMEX_EWS_EWS_H

#include "ews/contacts.h"
#include "ews/folders.h"
#include "ews/messages.h"
#include "ews/session.h"

#endif
