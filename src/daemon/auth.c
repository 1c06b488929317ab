#include "daemon/auth.h"

#include "core/error.h"
#include "store/partner.h"

bool auth_needs_tokens(const struct config *config)
{
	for (const char *const *name = config_names(config, "server"); *name != NULL; name++)
		if (g_str_equal(config_string(config, "server", *name, "auth"), "token"))
			return true;
	return false;
}

struct token_source *auth_tokens_new(const struct config *config, GError **error)
{
	autoptr(store) store =
	        store_open(config_string(config, "imex", NULL, "store"), STORE_EXISTING, error);
	g_autoptr(GPtrArray) partners = store != NULL ? store_partner_list(store, error) : NULL;
	struct token_source *tokens = partners != NULL ? token_source_new(config, error) : NULL;
	if (tokens != NULL)
		token_source_set_partners(tokens, partners);
	return tokens;
}

static void *auth_open(void *data, const char *server, GError **error)
{
	const struct auth *auth = data;
	if (config_require(auth->config, "server", server, "url", error) == NULL)
		return NULL;
	if (auth->tokens == NULL) {
		error_set(error, ERROR_CONFIG, "token.no_source",
		        "mail server %s takes tokens, but none can be signed: run imex init",
		        server);
		return NULL;
	}
	struct token_use *use = g_new(struct token_use, 1);
	*use = token_use_of(auth->tokens, auth->config, server);
	return use;
}

static void auth_close(void *use)
{
	g_free(use);
}

struct worker_auth auth_for_workers(struct auth *auth)
{
	return (struct worker_auth){token_authorize, auth_open, auth_close, auth};
}
