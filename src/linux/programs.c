/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/programs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"

static int open_program(
	const char *path, const char *what, const char *remedy, int *ret_fd, ks_error **reterr)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set(reterr, -errno,
			ABOUT(.step = "start", .path = path, .remedy = remedy),
			"%s cannot be opened: %s: %s", what, path, strerror(errno));
	/* Whoever may replace it could as well replace the jail. */
	if (!S_ISREG(st.st_mode) || (st.st_mode & (S_ISUID | S_ISGID)) || (st.st_mode & S_IWOTH))
		return error_set(reterr, -EPERM,
			ABOUT(.step = "start", .path = path,
				.remedy = "make it a plain program: chmod u-s,g-s,o-w"),
			"%s is set-id, writable for everybody or no file: %s", what, path);
	*ret_fd = take_fd(&fd);
	return 0;
}

const char *init_program_path(void)
{
	const char *named = secure_getenv("KASTELLAN_INIT");

	return named ? named : KS_LIBEXECDIR "/kastellan-init";
}

int init_program_open(int *ret_fd, ks_error **reterr)
{
	return open_program(init_program_path(), "kastellan-init",
		"install kastellan again; in a build tree set KASTELLAN_INIT", ret_fd, reterr);
}

const char *egress_program_path(void)
{
	const char *named = secure_getenv("KASTELLAN_EGRESS");

	return named ? named : KS_LIBEXECDIR "/kastellan-egress";
}

int egress_program_open(int *ret_fd, ks_error **reterr)
{
	return open_program(egress_program_path(), "kastellan-egress",
		"install kastellan again; in a build tree set KASTELLAN_EGRESS", ret_fd, reterr);
}

/* NULL: it is named by a path that is too long for the kernel, too. */
static const char *beside_egress(const char *name, char path[PATH_MAX])
{
	const char *egress = egress_program_path();
	const char *slash = strrchr(egress, '/');
	int directory = slash ? (int)(slash + 1 - egress) : 0;
	int len = snprintf(path, PATH_MAX, "%.*s%s", directory, egress, name);

	return len > 0 && len < PATH_MAX ? path : NULL;
}

int names_program_open(int *ret_fd, ks_error **reterr)
{
	char beside[PATH_MAX];
	const char *named = secure_getenv("KASTELLAN_NAMES");
	const char *path = named ? named : beside_egress("kastellan-names", beside);

	if (!path)
		return error_set(reterr, -ENAMETOOLONG, ABOUT(.step = "start"),
			"kastellan-names cannot be opened: the path of kastellan-egress is too "
			"long");
	return open_program(path, "kastellan-names",
		"install kastellan again; in a build tree it lies beside kastellan-egress", ret_fd,
		reterr);
}

const char *command_program_path(void)
{
	const char *named = secure_getenv("KASTELLAN_COMMAND");

	return named ? named : KS_LIBEXECDIR "/kastellan";
}

int vm_program_open(int *ret_fd, ks_error **reterr)
{
	const char *named = secure_getenv("KASTELLAN_VM");

	return open_program(named ? named : KS_LIBEXECDIR "/kastellan-vm", "kastellan-vm",
		"install kastellan again; in a build tree set KASTELLAN_VM", ret_fd, reterr);
}

int files_program_open(int *ret_fd, ks_error **reterr)
{
	const char *named = secure_getenv("KASTELLAN_FILES");

	return open_program(named ? named : KS_LIBEXECDIR "/kastellan-files", "kastellan-files",
		"install kastellan again; in a build tree set KASTELLAN_FILES", ret_fd, reterr);
}

int helper_program_open(const struct ks_host *host, int *ret_fd, ks_error **reterr)
{
	return open_program(host->bwrap.path, "bubblewrap", "install it again", ret_fd, reterr);
}
