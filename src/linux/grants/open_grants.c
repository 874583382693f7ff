/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/open_grants.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "linux/grants/check_links.h"
#include "linux/grants/idmap.h"
#include "linux/kernel_fs.h"
#include "linux/grants/pin_grants.h"
#include "linux/grants/submounts.h"
#include "policy/fields.h"

static const char *remedy_for(int code)
{
	switch (-code) {
	case ENOENT:
		return "create it, correct the path, or make the grant optional with a leading "
		       "\"?\"";
	case ENOTDIR:
		return "correct the path: something in its middle is not a directory";
	case EACCES:
		return "run as a user who may reach it, or grant something else";
	case ELOOP:
		return "remove the loop of symbolic links, or grant the directory itself";
	case EMFILE:
	case ENFILE:
		return "raise the limit of open files (ulimit -n), or grant a common parent "
		       "directory";
	default:
		return NULL;
	}
}

/* The name of the object without links, and the proof that the name leads to the object. */
static int real_path(int fd, const struct stat *st, char **ret_path)
{
	char link[32];
	char path[KS_MAX_PATH + 2];
	struct stat now;
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len < 0)
		return -errno;
	path[len] = '\0';
	if ((size_t)len > KS_MAX_PATH)
		return -ENAMETOOLONG;
	if (lstat(path, &now) < 0 || now.st_dev != st->st_dev || now.st_ino != st->st_ino)
		return -ESTALE;
	*ret_path = strdup(path);
	return *ret_path ? 0 : -ENOMEM;
}

static int open_one(struct grant *grant, bool idmap, ks_error **reterr)
{
	const struct error_about about = {
		.step = "grant", .field = policy_field_name(grant->field), .path = grant->asked};
	struct error_about told = about;
	const char *file_system;
	struct stat st;
	int r;

	grant->fd = open(grant->asked, O_PATH | O_CLOEXEC);
	if (grant->fd < 0) {
		r = -errno;
		told.remedy = remedy_for(r);
		return error_set(reterr, r, &told, "%s: cannot grant %s: %s", about.field,
			grant->asked, strerror(-r));
	}
	if (fstat(grant->fd, &st) < 0)
		return error_set(reterr, -errno, &about, "%s: cannot look at %s: %s", about.field,
			grant->asked, strerror(errno));
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode)) {
		told.remedy = "grant a file or a directory; devices are provided by the jail, and "
			      "sockets of the host are never reachable";
		return error_set(reterr, -EINVAL, &told,
			"%s: %s is a device or a socket, which cannot be granted", about.field,
			grant->asked);
	}
	file_system = kernel_fs_of(grant->fd);
	if (file_system) {
		told.remedy = "grant files and directories of ordinary file systems";
		return error_set(reterr, -EINVAL, &told,
			"%s: %s is on %s, which is the kernel's and cannot be granted", about.field,
			grant->asked, file_system);
	}
	r = real_path(grant->fd, &st, &grant->path);
	if (r == -ENOMEM)
		return error_oom(reterr);
	if (r < 0) {
		told.remedy = "try again while nothing replaces it, and see that /proc is mounted";
		return error_set(reterr, r, &told, "%s: %s changed while it was opened: %s",
			about.field, grant->asked, strerror(-r));
	}
	grant->directory = S_ISDIR(st.st_mode);
	grant->dev = st.st_dev;
	grant->ino = st.st_ino;
	grant->owner_uid = st.st_uid;
	grant->owner_gid = st.st_gid;
	grant->idmap = idmap && idmap_works(grant->fd, st.st_dev);
	return 0;
}

static int add_grant(struct grants *grants, const struct policy_path *path, enum policy_field field,
	size_t index, bool idmap, ks_error **reterr)
{
	struct grant *grant = &grants->items[grants->len];
	ks_error *error = NULL;
	int r;

	*grant = (struct grant){.field = field, .index = index, .fd = -1};
	grant->asked = strdup(path->path);
	if (!grant->asked)
		return error_oom(reterr);
	grants->len++;
	r = open_one(grant, idmap, &error);
	if (r == 0)
		return 0;
	if (path->optional && (r == -ENOENT || r == -ENOTDIR)) {
		ks_error_free(error);
		grants->len--;
		return strv_take(&grants->absent, take_ptr(grant->asked)) < 0 ? error_oom(reterr)
									      : 0;
	}
	if (reterr) {
		ks_error_free(*reterr);
		*reterr = error;
	} else {
		ks_error_free(error);
	}
	return r;
}

int grants_open(
	const struct ks_policy *policy, bool idmap, struct grants *ret_grants, ks_error **reterr)
{
	struct grants grants = {0};
	int r = 0;

	grants.items = calloc(policy->n_fs_read + policy->n_fs_write + 1, sizeof(*grants.items));
	if (!grants.items)
		return error_oom(reterr);
	for (size_t i = 0; r == 0 && i < policy->n_fs_read; i++)
		r = add_grant(&grants, &policy->fs_read[i], FIELD_FS_READ, i, idmap, reterr);
	for (size_t i = 0; r == 0 && i < policy->n_fs_write; i++)
		r = add_grant(&grants, &policy->fs_write[i], FIELD_FS_WRITE, i, idmap, reterr);
	if (r == 0)
		r = grants_check_links(&grants, reterr);
	if (r == 0)
		r = submounts_check(&grants, reterr);
	if (r == 0)
		r = grants_pin(&grants, idmap, reterr);
	if (r < 0) {
		grants_done(&grants);
		return r;
	}
	*ret_grants = grants;
	return 0;
}
