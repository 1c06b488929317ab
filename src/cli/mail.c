#include "cli/mail.h"

#include "cli/trust.h"
#include "core/clock.h"
#include "oauth/token.h"
#include "store/mailbox.h"
#include "sync/mailserver.h"

struct server {
	struct ews_session *session;
	struct token_use use;
};

struct cli_mail {
	struct cli *cli;
	struct token_source *tokens; /* made when a server takes tokens */
	GHashTable *servers; /* name -> struct server */
};

static void server_free(struct server *server)
{
	if (server->session != NULL)
		ews_session_close(server->session);
	g_free(server);
}

struct cli_mail *cli_mail_new(struct cli *cli)
{
	struct cli_mail *mail = g_new0(struct cli_mail, 1);
	mail->cli = cli;
	mail->servers =
	        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)server_free);
	return mail;
}

void cli_mail_free(struct cli_mail *mail)
{
	g_hash_table_unref(mail->servers);
	if (mail->tokens != NULL)
		token_source_free(mail->tokens);
	g_free(mail);
}

static bool prepare_tokens(struct cli_mail *mail, const struct config *config, const char *name,
        struct server *server, struct mailserver_hooks *hooks, GError **error)
{
	bool tokens = false;
	if (!mailserver_takes_tokens(config, name, &tokens, error))
		return false;
	if (!tokens)
		return true;
	if (mail->tokens == NULL)
		mail->tokens = cli_tokens(mail->cli, error);
	if (mail->tokens == NULL)
		return false;
	server->use = token_use_of(mail->tokens, config, name);
	hooks->authorize = token_authorize;
	hooks->authorize_data = &server->use;
	return true;
}

static struct server *open_server(struct cli_mail *mail, const char *name, GError **error)
{
	struct server *server = g_hash_table_lookup(mail->servers, name);
	struct mailserver_hooks hooks = {0};
	const struct config *config = cli_config(mail->cli, error);
	if (server != NULL || config == NULL)
		return server;
	server = g_new0(struct server, 1);
	if (prepare_tokens(mail, config, name, server, &hooks, error))
		server->session = mailserver_open(config, name, &hooks, error);
	if (server->session == NULL) {
		server_free(server);
		return NULL;
	}
	g_hash_table_insert(mail->servers, g_strdup(name), server);
	return server;
}

/* Before anything is written into a mailbox for the first time, its server says whose it is. */
static bool confirm(struct cli_mail *mail, struct ews_session *session,
        const struct mailbox *mailbox, GError **error)
{
	bool confirmed = false;
	autoptr(ews_mailbox_info) info = NULL;
	struct store *store = cli_store(mail->cli, error);
	if (store == NULL || !store_mailbox_confirmed(store, mailbox->id, &confirmed, error))
		return false;
	return confirmed ||
	       (ews_confirm_mailbox(session, &info, error) &&
	               store_mailbox_set_confirmed(store, mailbox->id, clock_utc_us(), error));
}

struct ews_session *cli_mail_session(
        struct cli_mail *mail, const struct mailbox *mailbox, GError **error)
{
	struct server *server = open_server(mail, mailbox->server, error);
	if (server == NULL)
		return NULL;
	ews_session_use_mailbox(server->session, mailbox);
	return confirm(mail, server->session, mailbox, error) ? server->session : NULL;
}
