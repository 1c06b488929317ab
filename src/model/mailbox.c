#include "model/mailbox.h"

struct mailbox *mailbox_new(const char *owner, const char *smtp, const char *server)
{
	struct mailbox *mailbox = g_new0(struct mailbox, 1);
	mailbox->owner = g_strdup(owner);
	mailbox->smtp = g_strdup(smtp);
	mailbox->server = g_strdup(server);
	return mailbox;
}

struct mailbox *mailbox_copy(const struct mailbox *mailbox)
{
	struct mailbox *copy = mailbox_new(mailbox->owner, mailbox->smtp, mailbox->server);
	copy->id = mailbox->id;
	copy->upn = g_strdup(mailbox->upn);
	copy->sip = g_strdup(mailbox->sip);
	return copy;
}

void mailbox_free(struct mailbox *mailbox)
{
	g_free(mailbox->owner);
	g_free(mailbox->smtp);
	g_free(mailbox->upn);
	g_free(mailbox->sip);
	g_free(mailbox->server);
	g_free(mailbox);
}

bool mailbox_equal(const struct mailbox *a, const struct mailbox *b)
{
	return g_strcmp0(a->owner, b->owner) == 0 && g_strcmp0(a->smtp, b->smtp) == 0 &&
	       g_strcmp0(a->upn, b->upn) == 0 && g_strcmp0(a->sip, b->sip) == 0 &&
	       g_strcmp0(a->server, b->server) == 0;
}
