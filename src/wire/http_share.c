#include "wire/http_private.h"

#include "core/thread.h"
#include <libxml/parser.h>

struct http_share {
	CURLSH *handle;
	struct mutex locks[CURL_LOCK_DATA_LAST];
};

void http_global_init(void)
{
	CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);

	g_assert(code == CURLE_OK);
	xmlInitParser();
}

void http_global_cleanup(void)
{
	xmlCleanupParser();
	curl_global_cleanup();
}

static void lock(CURL *curl, curl_lock_data data, curl_lock_access access, void *share)
{
	(void)curl;
	(void)access;
	mutex_lock(&((struct http_share *)share)->locks[data]);
}

static void unlock(CURL *curl, curl_lock_data data, void *share)
{
	(void)curl;
	mutex_unlock(&((struct http_share *)share)->locks[data]);
}

struct http_share *http_share_new(void)
{
	struct http_share *share = g_new0(struct http_share, 1);

	for (size_t i = 0; i < G_N_ELEMENTS(share->locks); i++)
		mutex_init(&share->locks[i]);
	share->handle = curl_share_init();
	g_assert(share->handle != NULL);
	curl_share_setopt(share->handle, CURLSHOPT_LOCKFUNC, lock);
	curl_share_setopt(share->handle, CURLSHOPT_UNLOCKFUNC, unlock);
	curl_share_setopt(share->handle, CURLSHOPT_USERDATA, share);
	curl_share_setopt(share->handle, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
	curl_share_setopt(share->handle, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	return share;
}

void http_share_free(struct http_share *share)
{
	if (share == NULL)
		return;
	CURLSHcode code = curl_share_cleanup(share->handle);

	/* A client still uses it: a fault of the caller, which would be a use after free later. */
	g_assert(code == CURLSHE_OK);
	for (size_t i = 0; i < G_N_ELEMENTS(share->locks); i++)
		mutex_destroy(&share->locks[i]);
	g_free(share);
}

CURLSH *http_share_handle(struct http_share *share)
{
	return share->handle;
}
