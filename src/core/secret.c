#include "core/secret.h"

#include "core/error.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

void secret_free(char *secret)
{
	if (secret == NULL)
		return;
	explicit_bzero(secret, strlen(secret));
	g_free(secret);
}

static char *first_line(const char *path, GError **error)
{
	g_autofree char *content = NULL;
	g_autoptr(GError) cause = NULL;
	gsize len = 0;
	if (!g_file_get_contents(path, &content, &len, &cause)) {
		error_set(error, ERROR_CONFIG, "secret.unreadable",
		        "the password cannot be read: %s: make the file readable for imex",
		        cause->message);
		return NULL;
	}
	size_t line = strcspn(content, "\r\n");
	/* An empty password would be an anonymous login that looks like a good one. */
	char *secret = line == 0 || line > SECRET_MAX_BYTES ? NULL : g_strndup(content, line);
	explicit_bzero(content, len);
	if (secret == NULL)
		error_set(error, ERROR_CONFIG, "secret.empty",
		        "the first line of %s is no password of at most %d bytes: write the "
		        "password into it",
		        path, SECRET_MAX_BYTES);
	return secret;
}

char *secret_read(const char *path, GError **error)
{
	struct stat info;
	if (stat(path, &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & S_IRWXO) != 0) {
		error_set(error, ERROR_CONFIG, "secret.exposed",
		        "everybody can read the password file %s: type chmod 600 %s, and change "
		        "the password",
		        path, path);
		return NULL;
	}
	return first_line(path, error);
}

/* systemd keeps them in a folder of its own that only this service can read. */
static char *read_credential(const char *credential, GError **error)
{
	const char *folder = g_getenv("CREDENTIALS_DIRECTORY");
	if (strchr(credential, '/') != NULL || credential[0] == '.') {
		error_set(error, ERROR_CONFIG, "secret.credential",
		        "password_credential = %s is no name of a credential: write the name that "
		        "stands in LoadCredential=",
		        credential);
		return NULL;
	}
	if (folder == NULL) {
		error_set(error, ERROR_CONFIG, "secret.credential",
		        "the credential %s is not there, because systemd gave none: add "
		        "LoadCredential=%s:FILE to the unit, or use password_file",
		        credential, credential);
		return NULL;
	}
	g_autofree char *path = g_build_filename(folder, credential, NULL);
	return secret_read(path, error);
}

char *secret_of(const struct config *config, const char *section, const char *name, GError **error)
{
	const char *path = config_string(config, section, name, "password_file");
	const char *credential = config_string(config, section, name, "password_credential");
	if ((path != NULL) == (credential != NULL)) {
		error_set(error, ERROR_CONFIG, "secret.setting",
		        "%s: [%s%s%s] needs %s password_file and password_credential",
		        config_path(config), section, name != NULL ? " " : "",
		        name != NULL ? name : "", path == NULL ? "one of" : "only one of");
		return NULL;
	}
	char *secret = path != NULL ? secret_read(path, error) : read_credential(credential, error);
	if (secret == NULL)
		g_prefix_error(error, "[%s%s%s]: ", section, name != NULL ? " " : "",
		        name != NULL ? name : "");
	return secret;
}
