/* privilege.c - root binds the address and reads the key of TLS; what then serves is somebody who may do less, for good.
 *
 * No program that it starts gets more than it has, either (no_new_privs), whoever it is.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cmd.h"
#include "serve/serve_priv.h"

int
serve_become(const char *user, struct err *err)
{
	struct passwd *pw;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		cmd_say("no_new_privs cannot be had: %s", strerror(errno));
	if (!user)
		return 0;
	errno = 0;
	if (!(pw = getpwnam(user)))
		return err_set(err, ERR_USAGE, "--user: there is no user '%.60s'%s%s", user, errno ? ": " : "", errno ? strerror(errno) : "");
	if (geteuid() == pw->pw_uid && getuid() == pw->pw_uid)
		return 0;
	if (geteuid() != 0)
		return err_set(err, ERR_USAGE, "--user: only root can become '%.60s'", user);
	if (initgroups(pw->pw_name, pw->pw_gid) || setgid(pw->pw_gid) || setuid(pw->pw_uid))
		return err_set(err, ERR_IO, "--user: cannot become '%.60s': %s", user, strerror(errno));
	if (pw->pw_uid != 0 && (setuid(0) == 0 || seteuid(0) == 0))
		return err_set(err, ERR_IO, "--user: what was given up could be taken back");
	return 0;
}
