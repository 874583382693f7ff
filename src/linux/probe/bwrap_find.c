/* SPDX-License-Identifier: Apache-2.0 */
/* Should: take only a file that nobody but root or the caller could have put where it is. The
 * system's own directories are taken as they are: in a user namespace their owner may have no
 * number, and who can write there has won already. */
#include "linux/probe/bwrap_find.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool owned_well(const struct stat *status)
{
	return (status->st_uid == 0 || status->st_uid == geteuid()) &&
	       !(status->st_mode & (S_IWGRP | S_IWOTH));
}

/* 0 with the reason unset; -ENOENT: no such program; -EPERM: it is one, and refused. */
static int judge_file(const char *path, bool systems, const char **ret_reason, bool *ret_setuid)
{
	struct stat status;

	if (stat(path, &status) < 0 || !S_ISREG(status.st_mode) || access(path, X_OK) < 0)
		return -ENOENT;
	if (systems ? (status.st_mode & S_IWOTH) : !owned_well(&status)) {
		*ret_reason = "others than root and the caller may write it";
		return -EPERM;
	}
	*ret_setuid = status.st_mode & (S_ISUID | S_ISGID);
	return 0;
}

static int set_text(char **slot, char *text)
{
	free(*slot);
	*slot = text;
	return text ? 0 : -ENOMEM;
}

static int refuse(struct ks_host *host, const char *path, const char *reason)
{
	char *text = NULL;

	if (asprintf(&text, "%s is not used: %s", path, reason) < 0)
		text = NULL;
	return set_text(&host->bwrap.reason, text);
}

/* 1 = taken, 0 = not this one, -ENOMEM. */
static int consider(struct ks_host *host, const char *path, bool systems)
{
	const char *reason = NULL;
	bool setuid = false;
	int r = judge_file(path, systems, &reason, &setuid);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return refuse(host, path, reason);
	if (set_text(&host->bwrap.path, strdup(path)) < 0)
		return -ENOMEM;
	host->bwrap.setuid = setuid;
	free(host->bwrap.reason);
	host->bwrap.reason = NULL;
	return 1;
}

/* A directory of PATH counts if it is absolute and nobody else could plant a program in it. */
static int consider_directory(struct ks_host *host, const char *directory, size_t len, bool systems)
{
	char path[PATH_MAX];
	struct stat status;

	if (len == 0 || directory[0] != '/' || len + sizeof("/bwrap") > sizeof(path))
		return 0;
	memcpy(path, directory, len);
	path[len] = '\0';
	if (stat(path, &status) < 0 || (!systems && !owned_well(&status)))
		return 0;
	snprintf(path + len, sizeof(path) - len, "/bwrap");
	return consider(host, path, systems);
}

static int search(struct ks_host *host, const char *const *fixed, const char *rest)
{
	int r = 0;

	for (; r == 0 && *fixed; fixed++)
		r = consider_directory(host, *fixed, strlen(*fixed), true);
	while (r == 0 && rest && *rest) {
		size_t len = strcspn(rest, ":");

		r = consider_directory(host, rest, len, false);
		rest += len + (rest[len] == ':');
	}
	return r < 0 ? r : 0;
}

int bwrap_find(struct ks_host *host, const char *const *fixed, const char *path, const char *forced)
{
	int r;

	if (!forced)
		return search(host, fixed, path);
	if (forced[0] != '/')
		return refuse(host, forced, "KASTELLAN_BWRAP has to be an absolute path");
	r = consider(host, forced, false);
	if (r == 0 && !host->bwrap.reason)
		return refuse(
			host, forced, "KASTELLAN_BWRAP names no program that can be executed");
	return r < 0 ? r : 0;
}
