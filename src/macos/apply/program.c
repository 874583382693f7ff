/* SPDX-License-Identifier: Apache-2.0 */
/* The program of a worker on the host, by its real path: the profile names it, so that nothing else
 * is executed under that name. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "macos/apply/parts.h"

static int refuse(const char *program, int code, ks_error **reterr)
{
	return error_set(reterr, code,
		ABOUT(.step = "exec", .path = program,
			.remedy = code == -EACCES ? "set its execute bit (chmod +x)"
				  : code == -EISDIR
					  ? "name the program in it"
					  : "name it by its path, or by a name that is found in "
					    "/usr/bin and the like"),
		"exec: the program cannot be executed: %s: %s", program, strerror(-code));
}

/* 0 or -errno. */
static int check(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode) || access(path, X_OK) < 0)
		return -EACCES;
	return 0;
}

static int take(const char *path, char **ret_path)
{
	int r = check(path);

	if (r < 0)
		return r;
	*ret_path = realpath(path, NULL);
	return *ret_path ? 0 : -errno;
}

/* One in a directory that is looked through; *ret_worst: what is told where there is none. */
static int search(const char *directories, const char *name, char **ret_path)
{
	int worst = -ENOENT;

	while (*directories) {
		size_t len = strcspn(directories, ":");
		autostrbuf struct strbuf path;
		int r;

		strbuf_init(&path, 2ul * KS_MAX_PATH);
		strbuf_add(&path, directories, len);
		strbuf_addf(&path, "/%s", name);
		r = path.error ? path.error : take(path.data, ret_path);
		if (r == 0)
			return 0;
		if (r != -ENOENT && r != -ENOTDIR)
			worst = r;
		directories += len + (directories[len] == ':');
	}
	return worst;
}

int program_find(const struct ks_plan *plan, char **ret_path, ks_error **reterr)
{
	const char *name = plan->argv.items[0];
	autostrbuf struct strbuf beneath;
	int r;

	strbuf_init(&beneath, 2ul * KS_MAX_PATH);
	if (!strchr(name, '/')) {
		r = search(plan->search, name, ret_path);
	} else {
		/* From where it would be executed. */
		strbuf_addf(&beneath, "%s%s%s", *name == '/' ? "" : plan->cwd,
			*name == '/' ? "" : "/", name);
		r = beneath.error ? beneath.error : take(beneath.data, ret_path);
	}
	return r < 0 ? refuse(name, r, reterr) : 0;
}
