#include "daemon/privilege.h"

#include "core/error.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

static bool refuse_user(const char *name, const char *why, GError **error)
{
	error_set(error, ERROR_CONFIG, "privilege.user",
	        "imexd does not work as root and cannot become user %s: %s: create it or name "
	        "another "
	        "one with run_as",
	        name, why);
	return false;
}

static bool become(const struct passwd *user, GError **error)
{
	if (initgroups(user->pw_name, user->pw_gid) == 0 && setgid(user->pw_gid) == 0 &&
	        setuid(user->pw_uid) == 0 && setuid(0) != 0)
		return true;
	error_set(error, ERROR_CONFIG, "privilege.drop", "cannot become user %s: %s", user->pw_name,
	        g_strerror(errno));
	return false;
}

bool privilege_drop(const struct config *config, GError **error)
{
	if (geteuid() != 0)
		return true;
	const char *name = config_string(config, "imex", NULL, "run_as");
	errno = 0;
	const struct passwd *user = getpwnam(name);
	if (user == NULL)
		return refuse_user(name, "there is no such user", error);
	if (user->pw_uid == 0)
		return refuse_user(name, "it is root", error);
	return become(user, error);
}
