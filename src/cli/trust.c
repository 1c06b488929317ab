#include "cli/trust.h"

#include "core/clock.h"
#include "store/partner.h"

struct keyring *cli_keyring(struct cli *cli, GError **error)
{
	const struct config *config = cli_config(cli, error);
	return config != NULL
	               ? keyring_open(config_string(config, "imex", NULL, "state_dir"), error)
	               : NULL;
}

struct token_source *cli_tokens(struct cli *cli, GError **error)
{
	struct store *store = cli_store(cli, error);
	g_autoptr(GPtrArray) partners = store != NULL ? store_partner_list(store, error) : NULL;
	struct token_source *source =
	        partners != NULL ? token_source_new(cli_config(cli, error), error) : NULL;
	if (source != NULL)
		token_source_set_partners(source, partners);
	return source;
}

char *cli_time_text(int64_t utc_us)
{
	return utc_us != 0 ? clock_format_iso(utc_us - utc_us % CLOCK_US_PER_S) : NULL;
}
