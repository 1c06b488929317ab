#include "fixture.h"

#include <glib/gstdio.h>
#include <unistd.h>

static struct key_pair *pairs[3];

void fixture_make_pairs(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(pairs); i++) {
		const char *const names[] = {"im.corp.example", NULL};
		const struct key_request request = {.common_name = "corp.example", .names = names};
		g_autoptr(GError) error = NULL;
		pairs[i] = key_pair_create(&request, &error);
		g_assert_no_error(error);
	}
}

void fixture_free_pairs(void)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(pairs); i++)
		g_clear_pointer(&pairs[i], key_pair_free);
}

const struct key_pair *fixture_pair(unsigned number)
{
	return pairs[number];
}

char *fixture_folder(void)
{
	char *folder = g_dir_make_tmp("imex-oauth-XXXXXX", NULL);
	ck_assert_ptr_nonnull(folder);
	return folder;
}

static void remove_tree(const char *path)
{
	GDir *dir = g_dir_open(path, 0, NULL);
	const char *name = NULL;
	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *child = g_build_filename(path, name, NULL);
		remove_tree(child);
	}
	g_clear_pointer(&dir, g_dir_close);
	g_remove(path);
}

void fixture_remove(char *folder)
{
	remove_tree(folder);
	g_free(folder);
}

struct config *fixture_config(const char *folder)
{
	g_autofree char *text = g_strdup_printf(
	        "[imex]\napp_id = " FIXTURE_APP "\nstate_dir = %s\n"
	        "[domain corp.example]\nserver = main\n"
	        "[server main]\nurl = https://mail.corp.example/EWS/Exchange.asmx\n",
	        folder);
	g_autoptr(GError) error = NULL;
	struct config *config = config_parse("/etc/imex/imex.conf", text, &error);
	ck_assert_no_error(error);
	return config;
}

struct partner *fixture_partner(unsigned number)
{
	const struct certificate *certificate = key_pair_certificate(pairs[number]);
	struct partner *partner = partner_new("exchange");
	partner->app_id = g_strdup(PRINCIPAL_EXCHANGE);
	partner->realm = g_strdup("corp.example");
	partner->issuer = principal_issuer(PRINCIPAL_EXCHANGE, "corp.example");
	partner->verified = true;
	struct partner_key *key = g_new0(struct partner_key, 1);
	key->x5t = g_strdup(certificate_x5t(certificate));
	key->der = g_bytes_ref(certificate_der(certificate));
	key->not_before_utc_us = certificate_not_before_utc_us(certificate);
	key->not_after_utc_us = certificate_not_after_utc_us(certificate);
	g_ptr_array_add(partner->keys, key);
	return partner;
}

struct token_source *fixture_source(const char *folder)
{
	g_autoptr(GError) error = NULL;
	autoptr(keyring) keyring = keyring_open(folder, &error);
	ck_assert_no_error(error);
	ck_assert(keyring_use(keyring, pairs[0], &error));
	autoptr(config) config = fixture_config(folder);
	struct token_source *source = token_source_new(config, &error);
	ck_assert_no_error(error);
	g_autoptr(GPtrArray) partners = g_ptr_array_new();
	autoptr(partner) partner = fixture_partner(1);
	g_ptr_array_add(partners, partner);
	token_source_set_partners(source, partners);
	return source;
}
