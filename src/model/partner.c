#include "model/partner.h"

#include <string.h>

struct partner_key *partner_key_copy(const struct partner_key *key)
{
	struct partner_key *copy = g_new(struct partner_key, 1);
	*copy = *key;
	copy->x5t = g_strdup(key->x5t);
	copy->der = g_bytes_ref(key->der);
	return copy;
}

void partner_key_free(struct partner_key *key)
{
	g_free(key->x5t);
	g_bytes_unref(key->der);
	g_free(key);
}

static void key_destroy(gpointer key)
{
	partner_key_free(key);
}

struct partner *partner_new(const char *name)
{
	struct partner *partner = g_new0(struct partner, 1);
	partner->name = g_strdup(name);
	partner->enabled = true;
	partner->keys = g_ptr_array_new_with_free_func(key_destroy);
	partner->origins = g_ptr_array_new_with_free_func(g_free);
	partner->endpoints = g_ptr_array_new_with_free_func(g_free);
	return partner;
}

struct partner *partner_copy(const struct partner *partner)
{
	struct partner *copy = partner_new(partner->name);
	copy->app_id = g_strdup(partner->app_id);
	copy->realm = g_strdup(partner->realm);
	copy->issuer = g_strdup(partner->issuer);
	copy->metadata_url = g_strdup(partner->metadata_url);
	copy->authorization_server = g_strdup(partner->authorization_server);
	copy->trust = partner->trust;
	copy->enabled = partner->enabled;
	copy->verified = partner->verified;
	copy->accept_sid = partner->accept_sid;
	for (guint i = 0; i < partner->keys->len; i++)
		g_ptr_array_add(copy->keys, partner_key_copy(g_ptr_array_index(partner->keys, i)));
	for (guint i = 0; i < partner->origins->len; i++)
		partner_add_origin(copy, g_ptr_array_index(partner->origins, i));
	for (guint i = 0; i < partner->endpoints->len; i++)
		g_ptr_array_add(
		        copy->endpoints, g_strdup(g_ptr_array_index(partner->endpoints, i)));
	copy->refreshed_utc_us = partner->refreshed_utc_us;
	copy->tried_utc_us = partner->tried_utc_us;
	copy->alarm = g_strdup(partner->alarm);
	return copy;
}

void partner_free(struct partner *partner)
{
	g_free(partner->name);
	g_free(partner->app_id);
	g_free(partner->realm);
	g_free(partner->issuer);
	g_free(partner->metadata_url);
	g_free(partner->authorization_server);
	g_ptr_array_unref(partner->keys);
	g_ptr_array_unref(partner->origins);
	g_ptr_array_unref(partner->endpoints);
	g_free(partner->alarm);
	g_free(partner);
}

struct partner_key *partner_find_key(const struct partner *partner, const char *x5t)
{
	for (guint i = 0; i < partner->keys->len; i++) {
		struct partner_key *key = g_ptr_array_index(partner->keys, i);
		if (g_str_equal(key->x5t, x5t))
			return key;
	}
	return NULL;
}

bool partner_has_origin(const struct partner *partner, const char *origin)
{
	for (guint i = 0; i < partner->origins->len; i++)
		if (g_str_equal(g_ptr_array_index(partner->origins, i), origin))
			return true;
	return false;
}

void partner_add_origin(struct partner *partner, const char *origin)
{
	if (!partner_has_origin(partner, origin))
		g_ptr_array_add(partner->origins, g_strdup(origin));
}

static const char *const trust_names[] = {
        [PARTNER_FULL] = "full",
        [PARTNER_APPLICATION] = "application",
        [PARTNER_USER] = "user",
};

const char *partner_trust_name(enum partner_trust trust)
{
	return trust_names[trust];
}

bool partner_trust_parse(const char *name, enum partner_trust *trust)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(trust_names); i++) {
		if (g_str_equal(trust_names[i], name)) {
			*trust = (enum partner_trust)i;
			return true;
		}
	}
	return false;
}
