#include "cli/setup.h"

#include "core/error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A line of the file; value NULL leaves the line out. */
struct line {
	const char *name, *value;
};

static bool add_line(GString *text, const struct line *line, GError **error)
{
	if (line->value == NULL)
		return true;
	bool fits = g_utf8_validate(line->value, -1, NULL) && line->value[0] != '\0';
	for (const char *at = line->value; fits && *at != '\0'; at++)
		fits = (unsigned char)*at >= 0x20 && *at != 0x7f;
	if (!fits) {
		error_set(error, ERROR_CONFIG, "setup.value",
		        "the value for %s is empty or holds control characters: write it in one "
		        "line "
		        "of UTF-8",
		        line->name);
		return false;
	}
	g_string_append_printf(text, "%s = %s\n", line->name, line->value);
	return true;
}

static bool add_section(GString *text, const char *comment, const char *section,
        const struct line *lines, size_t n, GError **error)
{
	g_string_append_printf(text, "\n# %s\n[%s]\n", comment, section);
	for (size_t i = 0; i < n; i++)
		if (!add_line(text, &lines[i], error))
			return false;
	return true;
}

static bool add_imex(GString *text, const struct setup *setup, GError **error)
{
	const struct line lines[] = {
	        {"app_id", setup->app_id},
	        {"store", setup->store_url},
	        {"state_dir", setup->state_dir},
	        {"run_as", setup->run_as},
	};
	return add_section(text, "This installation. app_id is what partners know it by: keep it.",
	        "imex", lines, G_N_ELEMENTS(lines), error);
}

static bool add_oauth(GString *text, const struct setup *setup, GError **error)
{
	const struct line line = {"realm", setup->realm};
	return setup->realm == NULL ||
	       add_section(text, "The tokens that imex signs.", "oauth", &line, 1, error);
}

static bool add_listen(GString *text, const struct setup *setup, GError **error)
{
	const struct line lines[] = {
	        {"address", setup->listen},
	        {"tls_certificate", setup->tls_certificate},
	        {"tls_key", setup->tls_key},
	        {"public_url", setup->public_url},
	};
	if (setup->listen == NULL && setup->public_url == NULL)
		return true;
	return add_section(text, "Where partners fetch imex's metadata.", "listen", lines,
	        G_N_ELEMENTS(lines), error);
}

static bool add_users(GString *text, const struct setup *setup, GError **error)
{
	const struct line lines[] = {
	        {"map", setup->map},
	        {"file", setup->map_file},
	        {"rule", setup->rule},
	};
	return add_section(text, "Who is whom: from an IM address to a mailbox.", "users", lines,
	        G_N_ELEMENTS(lines), error);
}

static bool add_source(GString *text, const struct setup *setup, GError **error)
{
	const struct line lines[] = {
	        {"url", setup->source_url},
	        {"write", setup->source_write},
	};
	return setup->source_url == NULL || add_section(text, "The IM server's data.", "source im",
	                                            lines, G_N_ELEMENTS(lines), error);
}

static bool add_server(GString *text, const struct setup *setup, GError **error)
{
	const struct line lines[] = {
	        {"url", setup->server_url},
	        {"auth", setup->server_auth},
	        {"user", setup->server_user},
	        {"password_file", setup->password_file},
	        {"ca_file", setup->ca_file},
	        {"allow_loopback", setup->allow_loopback ? "yes" : NULL},
	};
	return setup->server_url == NULL || add_section(text, "The mail server.", "server exchange",
	                                            lines, G_N_ELEMENTS(lines), error);
}

static bool add_domain(GString *text, const struct setup *setup, GError **error)
{
	const struct line lines[] = {
	        {"source", setup->source_url != NULL ? "im" : NULL},
	        {"server", setup->server_url != NULL ? "exchange" : NULL},
	        {"sip_domain", setup->sip_domain},
	};
	if (setup->domain == NULL)
		return true;
	g_autofree char *section = g_strconcat("domain ", setup->domain, NULL);
	return add_section(
	        text, "The users of this IM domain.", section, lines, G_N_ELEMENTS(lines), error);
}

char *setup_config_text(const struct setup *setup, GError **error)
{
	g_autoptr(GString) text = g_string_new("# imex: see imex.conf(5). A running imexd rereads "
	                                       "this file on SIGHUP.\n");
	bool good = add_imex(text, setup, error) && add_oauth(text, setup, error) &&
	            add_listen(text, setup, error) && add_users(text, setup, error) &&
	            add_domain(text, setup, error) && add_source(text, setup, error) &&
	            add_server(text, setup, error);
	return good ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

static bool refuse(const char *path, const char *what, GError **error)
{
	error_set(error, ERROR_CONFIG, "setup.unwritable",
	        "%s cannot be %s (%s): make room or give permission, or choose another place", path,
	        what, g_strerror(errno));
	return false;
}

static bool write_whole(int fd, const char *text, gid_t gid)
{
	size_t length = strlen(text);
	while (length > 0) {
		ssize_t written = write(fd, text, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return false;
		text += written;
		length -= (size_t)written;
	}
	return (gid == (gid_t)-1 || fchown(fd, (uid_t)-1, gid) == 0) && fchmod(fd, 0640) == 0 &&
	       fsync(fd) == 0;
}

bool setup_write_new(const char *path, const char *text, gid_t gid, GError **error)
{
	g_autofree char *folder = g_path_get_dirname(path);
	if (g_mkdir_with_parents(folder, 0755) != 0)
		return refuse(path, "written", error);
	/* A hard link, unlike a rename, never replaces a file. */
	g_autofree char *temporary = g_strconcat(path, ".XXXXXX", NULL);
	int fd = g_mkstemp_full(temporary, O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return refuse(path, "written", error);
	bool written = write_whole(fd, text, gid);
	if (!written)
		refuse(path, "written", error);
	close(fd);
	bool linked = written && link(temporary, path) == 0;
	if (written && !linked && errno == EEXIST)
		error_set(error, ERROR_CONFIG, "setup.exists",
		        "%s is there already and was not changed: edit it, or name another file "
		        "with "
		        "--config",
		        path);
	else if (written && !linked)
		refuse(path, "written", error);
	g_unlink(temporary);
	return linked;
}

static bool make_folder(const char *path, uid_t uid, gid_t gid, GError **error)
{
	g_autofree char *parent = g_path_get_dirname(path);
	if (g_mkdir_with_parents(parent, 0755) != 0 || g_mkdir(path, 0700) != 0)
		return refuse(path, "made", error);
	if (uid != (uid_t)-1 && chown(path, uid, gid) != 0) {
		refuse(path, "given to the user of imexd", error);
		g_rmdir(path);
		return false;
	}
	return true;
}

bool setup_state_dir(const char *path, uid_t uid, gid_t gid, GError **error)
{
	struct stat st;
	if (lstat(path, &st) != 0)
		return errno == ENOENT ? make_folder(path, uid, gid, error)
		                       : refuse(path, "read", error);
	if (S_ISDIR(st.st_mode) && (st.st_mode & 0077) == 0)
		return true;
	error_set(error, ERROR_CONFIG, "setup.exposed",
	        S_ISDIR(st.st_mode) ? "%s can be entered by others, and imex keeps its keys there: "
	                              "run chmod 700 on it, or choose another folder"
	                            : "%s is not a folder: choose another place with --state-dir",
	        path);
	return false;
}
