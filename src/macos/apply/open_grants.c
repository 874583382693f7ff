/* SPDX-License-Identifier: Apache-2.0 */
/* Grants on a Mac: opened once, and known by the path that the kernel gives for what was opened.
 * Seatbelt takes paths and no descriptors, so that a name that is exchanged later leads to what it
 * then means; the descriptor proves what it was when it was planned. */
#include "plan/open_grants.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "macos/apply/parts.h"
#include "macos/apply/system.h"
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
	case EPERM:
		return "run as a user who may reach it, and allow the terminal in System Settings, "
		       "Privacy & Security, Files and Folders; or grant something else";
	case EINVAL:
		return "grant a file or a directory";
	default:
		return NULL;
	}
}

static int refuse(
	const struct policy_path *path, enum policy_field field, int code, ks_error **reterr)
{
	const char *name = policy_field_name(field);

	return error_set(reterr, code,
		ABOUT(.step = "grant", .field = name, .path = path->path,
			.remedy = remedy_for(code)),
		"%s: cannot grant %s: %s", name, path->path,
		code == -EINVAL ? "it is neither a file nor a directory" : strerror(-code));
}

static int open_one(const char *path, struct grant *grant)
{
	char real[KS_MAX_PATH + 1];
	struct stat st;
	int r;

	grant->fd = system_open_object(path);
	if (grant->fd < 0)
		return grant->fd;
	r = fstat(grant->fd, &st) < 0 ? -errno : system_object_path(grant->fd, real, sizeof(real));
	if (r < 0)
		return r;
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return -EINVAL;
	grant->asked = strdup(path);
	grant->path = strdup(real);
	grant->directory = S_ISDIR(st.st_mode);
	grant->dev = (uint64_t)st.st_dev;
	grant->ino = st.st_ino;
	grant->owner_uid = st.st_uid;
	grant->owner_gid = st.st_gid;
	return grant->asked && grant->path ? 0 : -ENOMEM;
}

static int open_list(const struct policy_path *paths, size_t len, enum policy_field field,
	struct grants *grants, ks_error **reterr)
{
	for (size_t i = 0; i < len; i++) {
		struct grant *grant = &grants->items[grants->len];
		int r;

		*grant = (struct grant){.field = field, .index = i, .fd = -1};
		r = open_one(paths[i].path, grant);
		if (r == -ENOENT && paths[i].optional) {
			r = strv_add(&grants->absent, paths[i].path);
			if (r < 0)
				return error_oom(reterr);
			continue;
		}
		grants->len++;
		if (r < 0)
			return r == -ENOMEM ? error_oom(reterr)
					    : refuse(&paths[i], field, r, reterr);
	}
	return 0;
}

/* As long as the descriptor is open, nothing else gets the object's number. */
static int recheck(const struct grant *grant)
{
	autofd int fd = system_open_object(grant->path);
	struct stat st;

	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
		return -ESTALE;
	if (fd < 0 || fstat(fd, &st) < 0)
		return fd < 0 ? fd : -errno;
	return (uint64_t)st.st_dev == grant->dev && st.st_ino == grant->ino ? 0 : -ESTALE;
}

int grants_recheck(const struct grants *grants, ks_error **reterr)
{
	for (size_t i = 0; i < grants->len; i++) {
		const struct grant *grant = &grants->items[i];
		const char *name = policy_field_name(grant->field);
		int r = recheck(grant);

		if (r < 0)
			return error_set(reterr, r,
				ABOUT(.step = "grant", .field = name, .path = grant->asked,
					.remedy = "let nobody move or replace it while a worker "
						  "starts, and try again; for a prepared policy, "
						  "prepare it again"),
				"%s: cannot grant %s: %s", name, grant->asked,
				r == -ESTALE ? "its path leads to something else than when it was "
					       "planned"
					     : strerror(-r));
	}
	return 0;
}

/* Nothing is tried here. */
void grants_settle(void)
{
}

int grants_open(
	const struct ks_policy *policy, bool idmap, struct grants *ret_grants, ks_error **reterr)
{
	struct grants grants = {
		.items = calloc(policy->n_fs_read + policy->n_fs_write + 1, sizeof(struct grant))};
	int r;

	(void)idmap;
	if (!grants.items)
		return error_oom(reterr);
	r = open_list(policy->fs_read, policy->n_fs_read, FIELD_FS_READ, &grants, reterr);
	if (r == 0)
		r = open_list(
			policy->fs_write, policy->n_fs_write, FIELD_FS_WRITE, &grants, reterr);
	if (r < 0) {
		grants_done(&grants);
		return r;
	}
	*ret_grants = grants;
	return 0;
}
