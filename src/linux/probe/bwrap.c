/* SPDX-License-Identifier: Apache-2.0 */
/* What bubblewrap can do. Must not: decide anything by a version number, as distributions backport
 * both options and repairs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strv.h"
#include "linux/probe/bwrap_find.h"
#include "linux/kernel_id.h"
#include "linux/probe/child.h"
#include "linux/probe/parts.h"

#define HELP_ROOM ((size_t)64 * 1024) /* bubblewrap's is 6 KiB */
#define PROGRAM_ROOM (4L * 1024 * 1024) /* its program file is 70 to 200 KiB */
#define COMPLAINT_ROOM 512

static int set_text(char **slot, char *text)
{
	free(*slot);
	*slot = text;
	return text ? 0 : -ENOMEM;
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

/* What hangs once is not started again: it does not work. */
static int give_up(struct host_bwrap *bwrap)
{
	char *text = NULL;

	if (asprintf(&text, "bwrap: no answer within %d ms", PROBE_PATIENCE_MS) < 0)
		text = NULL;
	bwrap->works = false;
	return set_text(&bwrap->reason, text);
}

static int ask_features(struct host_bwrap *bwrap)
{
	const char *const argv[] = {"bwrap", "--help", NULL};
	autofree char *text = malloc(HELP_ROOM);
	int r;

	if (!text)
		return -ENOMEM;
	r = probe_run(bwrap->path, argv, 0, text, HELP_ROOM);
	if (r == 0)
		take_features(bwrap, text, strlen(text));
	return r == -ETIMEDOUT ? give_up(bwrap) : 0;
}

int probe_bwrap(struct ks_host *host)
{
	static const char *const fixed[] = {"/usr/bin", "/usr/local/bin", "/bin", NULL};
	const char *forced = secure_getenv("KASTELLAN_BWRAP");
	int r = bwrap_find(host, fixed, getenv("PATH"), forced && *forced ? forced : NULL);

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
	int r = probe_run(bwrap->path, argv, 0, text, sizeof(text));

	if (r != 0)
		return r == -ETIMEDOUT ? give_up(bwrap) : 0;
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
		host->privileged ? KERNEL_ID_BASE : 0, text, COMPLAINT_ROOM);
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

	if (!bwrap->path || !bwrap->works)
		return 0;
	r = ask_version(bwrap);
	if (r == 0 && bwrap->works)
		r = ask_features(bwrap);
	if (r < 0 || !bwrap->works)
		return r;
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
