#include "sync/mailserver.h"

#include "core/error.h"
#include "core/secret.h"

bool mailserver_takes_tokens(
        const struct config *config, const char *name, bool *tokens, GError **error)
{
	if (!config_has_section(config, "server", name)) {
		error_set(error, ERROR_CONFIG, "server.unknown",
		        "there is no mail server \"%s\": add a section [server %s] with its url to "
		        "%s",
		        name, name, config_path(config));
		return false;
	}
	*tokens = g_str_equal(config_string(config, "server", name, "auth"), "token");
	return true;
}

static bool set_credentials(const struct config *config, const char *name,
        const struct mailserver_hooks *hooks, struct ews_options *options, char **password,
        GError **error)
{
	bool tokens = false;
	if (!mailserver_takes_tokens(config, name, &tokens, error))
		return false;
	options->access = EWS_ACCESS_SELF;
	if (tokens) {
		options->authorize = hooks->authorize;
		options->authorize_data = hooks->authorize_data;
		/* A token that names no user leaves that to the header. */
		if (config_bool(config, "server", name, "app_only"))
			options->access = EWS_ACCESS_IMPERSONATE;
		return true;
	}
	if (config_bool(config, "server", name, "impersonate"))
		options->access = EWS_ACCESS_IMPERSONATE;
	options->user = config_require(config, "server", name, "user", error);
	if (options->user == NULL)
		return false;
	*password = secret_of(config, "server", name, error);
	options->password = *password;
	return *password != NULL;
}

struct ews_session *mailserver_open(const struct config *config, const char *name,
        const struct mailserver_hooks *hooks, GError **error)
{
	struct ews_options options = {.admit = hooks->admit, .admit_data = hooks->admit_data};
	char *password = NULL;
	struct ews_session *session = NULL;
	if (set_credentials(config, name, hooks, &options, &password, error)) {
		const struct http_options http = {
		        .ca_file = config_string(config, "server", name, "ca_file"),
		        .total_timeout_ms =
		                (int)config_duration_s(config, "server", name, "timeout") * 1000,
		        .allow_loopback = config_bool(config, "server", name, "allow_loopback"),
		        .allow_link_local = config_bool(config, "server", name, "allow_loopback"),
		        .compressed = true,
		};
		options.url = config_require(config, "server", name, "url", error);
		options.http = &http;
		if (options.url != NULL)
			session = ews_session_open(&options, error);
	}
	secret_free(password);
	return session;
}
