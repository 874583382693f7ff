/* SPDX-License-Identifier: Apache-2.0 */
/* Modes, owners and times of files, which Landlock does not look at: the user of the worker is the
 * caller's, who owns much more than what is granted. So init finds the object as the kernel would,
 * looks where it lies, and acts on what it has found, never on the name again. The name is copied
 * once; a directory it starts from is the caller's own, held by a descriptor. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/init/asked.h"
#include "linux/init/process.h"
#include "linux/init/temporary.h"
#include "plan/paths.h"

#define PAGE 4096
#define WRITE_FILE (1ull << 1) /* LANDLOCK_ACCESS_FS_WRITE_FILE */
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

enum act { ACT_MODE, ACT_OWNER, ACT_TIMES };

/* Which argument is what; -1: the call has none. */
struct shape {
	int nr;
	enum act act;
	int directory; /* or the descriptor itself, where there is no path */
	int path;
	int value; /* mode, owner (the group follows), or times */
	int flags;
	int fixed_flags;
};

static const struct shape shapes[] = {
#ifdef SYS_chmod /* older calls that aarch64 lacks */
	{SYS_chmod, ACT_MODE, -1, 0, 1, -1, 0},
	{SYS_chown, ACT_OWNER, -1, 0, 1, -1, 0},
	{SYS_lchown, ACT_OWNER, -1, 0, 1, -1, AT_SYMLINK_NOFOLLOW},
#endif
	{SYS_fchmod, ACT_MODE, 0, -1, 1, -1, 0},
	{SYS_fchmodat, ACT_MODE, 0, 1, 2, -1, 0},
	{SYS_fchmodat2, ACT_MODE, 0, 1, 2, 3, 0},
	{SYS_fchown, ACT_OWNER, 0, -1, 1, -1, 0},
	{SYS_fchownat, ACT_OWNER, 0, 1, 2, 4, 0},
	{SYS_utimensat, ACT_TIMES, 0, 1, 2, 3, 0},
};

static const struct shape *shape_of(int nr)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		if (shapes[i].nr == nr)
			return &shapes[i];
	return NULL;
}

bool asked_about_files(int nr)
{
	return shape_of(nr) != NULL;
}

/* "/proc/PID/name" */
static void own_path(char path[64], pid_t pid, const char *name)
{
	memcpy(path, "/proc/", sizeof("/proc/"));
	number_text((uint64_t)pid, path + strlen(path));
	memcpy(path + strlen(path), name, strlen(name) + 1);
}

static int open_memory(pid_t pid)
{
	char path[64];
	int fd;

	own_path(path, pid, "/mem");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	/* A process that nobody may look into: as if it were not ours to serve. */
	return fd < 0 ? -EPERM : fd;
}

/* A place that is not there is the caller's mistake. Whatever else is in the way is none of his,
 * and refused. */
static int why_not_read(ssize_t got)
{
	return got < 0 && errno != EIO ? -EPERM : -EFAULT;
}

/* A page at a time, as the next one may not be there. */
static int copy_path(int memory, uint64_t address, char path[KS_MAX_PATH + 1])
{
	size_t len = 0;

	while (len <= KS_MAX_PATH) {
		size_t want = PAGE - (address + len) % PAGE;
		ssize_t got;

		if (want > KS_MAX_PATH + 1 - len)
			want = KS_MAX_PATH + 1 - len;
		got = pread(memory, path + len, want, (off_t)(address + len));
		if (got <= 0)
			return why_not_read(got);
		if (memchr(path + len, '\0', (size_t)got))
			return 0;
		len += (size_t)got;
	}
	return -ENAMETOOLONG;
}

static int open_base(pid_t pid, int directory)
{
	char path[64];
	char name[sizeof("/fd/") + NUMBER_TEXT] = "/fd/";
	int fd;

	if (directory < 0 && directory != AT_FDCWD)
		return -EBADF;
	if (directory >= 0)
		number_text((uint64_t)directory, name + sizeof("/fd/") - 1);
	own_path(path, pid, directory == AT_FDCWD ? "/cwd" : name);
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -EBADF : -EPERM;
	return fd;
}

/* Through no link of /proc, as those would lead to where init is. */
static int find(int base, const char *path, int flags)
{
	const struct open_how how = {
		.flags = O_PATH | O_CLOEXEC | (flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0),
		.resolve = RESOLVE_NO_MAGICLINKS};
	long fd = syscall(SYS_openat2, base, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* The innermost grant around the object decides. */
static bool may_write(const struct spec *spec, const char *path)
{
	const struct spec_rule *rule;
	size_t cursor = 0;
	size_t deepest = 0;
	bool writable = path_covers(temporary_path(), path);

	while ((rule = spec_next(spec, SPEC_RULE, &cursor))) {
		const char *grant = (const char *)(rule + 1);
		size_t len = strlen(grant);

		if (!rule->slot || len < deepest || !path_covers(grant, path))
			continue;
		/* Of two grants of one object the writable one. */
		writable = rule->access & WRITE_FILE || (writable && len == deepest);
		deepest = len;
	}
	return writable;
}

/* What was copied of the caller, and is not looked at there again. */
struct request {
	const struct shape *shape;
	const __u64 *args;
	char path[KS_MAX_PATH + 1];
	bool has_path;
	int flags;
	bool has_times;
	struct timespec times[2];
};

static int copy(struct request *request, int memory)
{
	const struct shape *shape = request->shape;
	uint64_t times = shape->act == ACT_TIMES ? request->args[shape->value] : 0;
	ssize_t got;

	if (request->has_path) {
		int r = copy_path(memory, request->args[shape->path], request->path);

		if (r < 0)
			return r;
	}
	if (!times)
		return 0;
	request->has_times = true;
	got = pread(memory, request->times, sizeof(request->times), (off_t)times);
	return got == (ssize_t)sizeof(request->times) ? 0 : why_not_read(got);
}

/* Fills the request; 0 or -errno. */
static int take(const struct seccomp_notif *call, struct request *request)
{
	const struct shape *shape = request->shape;
	int memory, r;

	request->args = call->data.args;
	request->flags = shape->flags < 0 ? shape->fixed_flags : (int)request->args[shape->flags];
	/* utimensat() of a descriptor has no path. */
	request->has_path = shape->path >= 0 &&
			    (shape->act != ACT_TIMES || request->args[shape->path] != 0);
	if (request->flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (!request->has_path && shape->act != ACT_TIMES)
		return 0;
	memory = open_memory((pid_t)call->pid);
	if (memory < 0)
		return memory;
	r = copy(request, memory);
	close(memory);
	return r;
}

/* An O_PATH descriptor of the object, or -errno. */
static int open_object(const struct seccomp_notif *call, const struct request *request)
{
	const struct shape *shape = request->shape;
	bool is_base = !request->has_path || (!request->path[0] && request->flags & AT_EMPTY_PATH);
	int base = open_base((pid_t)call->pid,
		shape->directory < 0 ? AT_FDCWD : (int)request->args[shape->directory]);
	int object;

	if (base < 0 || is_base)
		return base;
	object = find(base, request->path, request->flags);
	close(base);
	return object;
}

static int act(const struct request *request, int object, const char *link)
{
	const __u64 *args = request->args;
	const int value = request->shape->value;

	switch (request->shape->act) {
	case ACT_MODE:
		return fchmodat(AT_FDCWD, link, (mode_t)args[value] & 01777, 0);
	case ACT_OWNER:
		return fchownat(
			object, "", (uid_t)args[value], (gid_t)args[value + 1], AT_EMPTY_PATH);
	case ACT_TIMES:
		break;
	}
	return utimensat(object, "", request->has_times ? request->times : NULL, AT_EMPTY_PATH);
}

static int act_within_grants(const struct spec *spec, const struct request *request, int object)
{
	char link[sizeof("/proc/self/fd/") + NUMBER_TEXT] = "/proc/self/fd/";
	char path[KS_MAX_PATH + 1];
	ssize_t len;

	number_text((uint64_t)object, link + sizeof("/proc/self/fd/") - 1);
	len = readlink(link, path, sizeof(path) - 1);
	if (len < 0)
		return -errno;
	path[len] = '\0';
	if (!may_write(spec, path))
		return -EPERM;
	return act(request, object, link) < 0 ? -errno : 0;
}

int asked_file(const struct spec *spec, int listener, const struct seccomp_notif *call)
{
	static struct request request;
	int object;
	int r;

	memset(&request, 0, offsetof(struct request, path) + 1);
	request.has_times = false;
	request.shape = shape_of(call->data.nr);
	r = take(call, &request);
	if (r < 0)
		return r;
	object = open_object(call, &request);
	if (object < 0)
		return object;
	/* Only now is it certain that all of this was the caller's. */
	r = asked_waits(listener, call) ? act_within_grants(spec, &request, object) : -EPERM;
	close(object);
	return r;
}
