/* SPDX-License-Identifier: Apache-2.0 */
/* Finding bubblewrap. Should: take only a file that nobody but root or the caller could have put
 * there. Must not: decide anything by a version number, as distributions backport both options and
 * repairs. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strv.h"
#include "linux/probe_child.h"
#include "linux/probe_parts.h"

#define HELP_ROOM (64 * 1024) /* bubblewrap's is 6 KiB */
#define PROGRAM_ROOM (4 * 1024 * 1024) /* its program file is 70 to 200 KiB */
#define COMPLAINT_ROOM 512

static bool owned_well(const struct stat *status)
{
	return (status->st_uid == 0 || status->st_uid == geteuid()) &&
	       !(status->st_mode & (S_IWGRP | S_IWOTH));
}

/* 0 with the reason unset; -ENOENT: no such program; -EPERM: it is one, and refused. */
static int judge_file(const char *path, const char **ret_reason, bool *ret_setuid)
{
	struct stat status;

	if (stat(path, &status) < 0 || !S_ISREG(status.st_mode) || access(path, X_OK) < 0)
		return -ENOENT;
	if (!owned_well(&status)) {
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
static int consider(struct ks_host *host, const char *path)
{
	const char *reason = NULL;
	bool setuid = false;
	int r = judge_file(path, &reason, &setuid);

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
static int consider_directory(struct ks_host *host, const char *directory, size_t len)
{
	char path[PATH_MAX];
	struct stat status;

	if (len == 0 || directory[0] != '/' || len + sizeof("/bwrap") > sizeof(path))
		return 0;
	memcpy(path, directory, len);
	path[len] = '\0';
	if (stat(path, &status) < 0 || !owned_well(&status))
		return 0;
	snprintf(path + len, sizeof(path) - len, "/bwrap");
	return consider(host, path);
}

static int search(struct ks_host *host)
{
	static const char *const fixed[] = {"/usr/bin", "/usr/local/bin", "/bin"};
	const char *rest = getenv("PATH");
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(fixed) / sizeof(fixed[0]); i++)
		r = consider_directory(host, fixed[i], strlen(fixed[i]));
	while (r == 0 && rest && *rest) {
		size_t len = strcspn(rest, ":");

		r = consider_directory(host, rest, len);
		rest += len + (rest[len] == ':');
	}
	return r < 0 ? r : 0;
}

static int find(struct ks_host *host)
{
	const char *forced = secure_getenv("KASTELLAN_BWRAP");
	int r;

	if (!forced || !*forced)
		return search(host);
	if (forced[0] != '/')
		return refuse(host, forced, "KASTELLAN_BWRAP has to be an absolute path");
	r = consider(host, forced);
	if (r == 0 && !host->bwrap.reason)
		return refuse(
			host, forced, "KASTELLAN_BWRAP names no program that can be executed");
	return r < 0 ? r : 0;
}

static void take_features(struct host_bwrap *bwrap, const char *bytes, size_t len)
{
#define HAS(option) (memmem(bytes, len, option, strlen(option)) != NULL)
	bwrap->bind_fd = HAS("--ro-bind-fd");
	bwrap->disable_userns = HAS("--disable-userns");
	bwrap->size = HAS("--size");
#undef HAS
}

/* The text of --help is a part of the program file, and reading it there is a hundred times cheaper
 * than starting it. false where the file is not such a one: a script, packed, or too large. */
static bool read_features(struct host_bwrap *bwrap)
{
	autofd int fd = open(bwrap->path, O_RDONLY | O_CLOEXEC);
	autofree char *bytes = NULL;
	struct stat status;
	ssize_t len;

	if (fd < 0 || fstat(fd, &status) < 0 || status.st_size > PROGRAM_ROOM)
		return false;
	bytes = malloc((size_t)status.st_size + 1);
	if (!bytes)
		return false;
	len = read(fd, bytes, (size_t)status.st_size);
	if (len <= 0 || !memmem(bytes, (size_t)len, "--unshare-user-try", 18))
		return false;
	take_features(bwrap, bytes, (size_t)len);
	return true;
}

static int ask_features(struct host_bwrap *bwrap)
{
	const char *const argv[] = {"bwrap", "--help", NULL};
	autofree char *text = malloc(HELP_ROOM);

	if (!text)
		return -ENOMEM;
	if (probe_run(bwrap->path, argv, 0, text, HELP_ROOM) == 0)
		take_features(bwrap, text, strlen(text));
	return 0;
}

int probe_bwrap(struct ks_host *host)
{
	int r = find(host);

	if (r < 0 || !host->bwrap.path || host->bwrap.setuid)
		return r;
	host->bwrap.works = true;
	return read_features(&host->bwrap) ? 0 : ask_features(&host->bwrap);
}

static int ask_version(struct host_bwrap *bwrap)
{
	const char *const argv[] = {"bwrap", "--version", NULL};
	char text[128];
	char *word;

	if (probe_run(bwrap->path, argv, 0, text, sizeof(text)) != 0)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	word = strrchr(text, ' ');
	return set_text(&bwrap->version, strdup(word ? word + 1 : text));
}

/* A small jail with everything that the real one is made of, but for the grants. */
static int jail_arguments(const struct ks_host *host, bool disable_userns, struct strv *ret_argv)
{
	static const char *const first[] = {"bwrap", "--unshare-user", "--unshare-ipc",
		"--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup", "--uid",
		"1000", "--gid", "1000", "--die-with-parent", "--new-session", "--clearenv",
		"--proc", "/proc", "--dev", "/dev"};
	static const char *const last[] = {
		"--tmpfs", "/tmp", "--chdir", "/", "--", "/usr/bin/true"};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(first) / sizeof(first[0]); i++)
		r = strv_add(ret_argv, first[i]);
	if (r == 0 && disable_userns)
		r = strv_add(ret_argv, "--disable-userns");
	for (size_t i = 0; r == 0 && i < host->n_paths; i++) {
		const struct host_path *entry = &host->paths[i];

		if (strchr(entry->path + 1, '/'))
			continue; /* /usr and its links are enough */
		r = strv_add(ret_argv, entry->kind == HOST_LINK ? "--symlink" : "--ro-bind");
		if (r == 0)
			r = strv_add(ret_argv, entry->target ? entry->target : entry->path);
		if (r == 0)
			r = strv_add(ret_argv, entry->path);
	}
	if (r == 0 && host->bwrap.size)
		r = strv_add(ret_argv, "--size");
	if (r == 0 && host->bwrap.size)
		r = strv_add(ret_argv, "1048576");
	for (size_t i = 0; r == 0 && i < sizeof(last) / sizeof(last[0]); i++)
		r = strv_add(ret_argv, last[i]);
	return r;
}

/* 1 = it made the jail, 0 = it did not, and said why; -ENOMEM. */
static int try_jail(const struct ks_host *host, bool disable_userns, char text[COMPLAINT_ROOM])
{
	autostrv struct strv argv = {0};
	int r = jail_arguments(host, disable_userns, &argv);

	if (r < 0)
		return r;
	r = probe_run(host->bwrap.path, (const char *const *)argv.items,
		host->privileged ? PROBE_KERNEL_ID : 0, text, COMPLAINT_ROOM);
	text[strcspn(text, "\n")] = '\0';
	if (r == -ETIMEDOUT)
		snprintf(text, COMPLAINT_ROOM, "bwrap: no answer within %d ms", PROBE_PATIENCE_MS);
	else if (r < 0)
		snprintf(text, COMPLAINT_ROOM, "bwrap: cannot be started: %s", strerror(-r));
	return r == 0;
}

int probe_bwrap_try(struct ks_host *host)
{
	struct host_bwrap *bwrap = &host->bwrap;
	char text[COMPLAINT_ROOM];
	char second[COMPLAINT_ROOM];
	int r;

	if (!bwrap->path || bwrap->setuid)
		return 0;
	r = ask_version(bwrap);
	if (r == 0)
		r = ask_features(bwrap);
	if (r == 0)
		r = try_jail(host, bwrap->disable_userns, text);
	if (r == 0 && bwrap->disable_userns) {
		/* The option needs a /proc/sys that can be written, which a container may not have.
		 */
		r = try_jail(host, false, second);
		if (r > 0)
			bwrap->disable_userns = false;
	}
	if (r != 0)
		return r < 0 ? r : 0;
	bwrap->works = false;
	return set_text(&bwrap->reason, strdup(text));
}
