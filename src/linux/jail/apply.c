/* SPDX-License-Identifier: Apache-2.0 */
/* The effects of the backends with namespaces: the plan becomes a spec, a set of descriptors and
 * one process (the monitor), which makes the jail, or starts bubblewrap for it. Should: hand over
 * exactly what the plan names, by number. Must not: look up any name of a grant again, or decide
 * anything that is not in the plan. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "linux/jail/parts.h"
#include "linux/kernel_id.h"
#include "linux/jail/kept.h"
#include "linux/jail/launch.h"
#include "linux/jail/memory_file.h"
#include "linux/jail/root_cache.h"
#include "linux/plan/bwrap.h"
#include "linux/programs.h"
#include "linux/jail/spec_plan.h"

struct parts {
	struct launch *launch; /* the jail's */
	int sockets[4]; /* ours and theirs of the monitor, ours and theirs of init */
	int complaints[2];
	int null;
	int spec;
	int root;
	int init_exe;
	int helper_exe;
	int helper_args;
	int supervisor;
	int data[SLOT_DATA_MAX - SLOT_DATA + 1];
};

uint32_t kernel_id_next(void)
{
	static atomic_uint count;

	return KERNEL_ID_BASE + (((unsigned)getpid() * 7919u + atomic_fetch_add(&count, 1)) %
					(KERNEL_ID_COUNT - KERNEL_ID_APART));
}

uint32_t kernel_id_apart(void)
{
	static atomic_uint count;

	return KERNEL_ID_BASE + KERNEL_ID_COUNT - KERNEL_ID_APART +
	       (((unsigned)getpid() + atomic_fetch_add(&count, 1)) % KERNEL_ID_APART);
}

static void parts_init(struct parts *parts)
{
	memset(parts->sockets, -1, sizeof(parts->sockets));
	memset(parts->complaints, -1, sizeof(parts->complaints));
	memset(parts->data, -1, sizeof(parts->data));
	parts->null = parts->spec = parts->root = parts->init_exe = parts->helper_exe = -1;
	parts->helper_args = parts->supervisor = -1;
}

static void close_all(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		cleanup_close(&fds[i]);
}

static void parts_done(struct parts *parts)
{
	close_all(parts->sockets, 4);
	close_all(parts->complaints, 2);
	close_all(parts->data, sizeof(parts->data) / sizeof(parts->data[0]));
	close_all(&parts->null, 1);
	close_all(&parts->spec, 1);
	close_all(&parts->root, 1);
	close_all(&parts->init_exe, 1);
	close_all(&parts->helper_exe, 1);
	close_all(&parts->helper_args, 1);
	close_all(&parts->supervisor, 1);
}

static int open_channels(struct parts *parts)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, parts->sockets) < 0 ||
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, parts->sockets + 2) < 0 ||
		pipe2(parts->complaints, O_CLOEXEC) < 0 ||
		fcntl(parts->complaints[0], F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	parts->supervisor = (int)syscall(SYS_pidfd_open, getpid(), 0);
	return parts->supervisor < 0 ? -errno : 0;
}

/* A file in its place would keep what is written to it, and tell it to the next one. */
static int open_null(struct parts *parts, ks_error **reterr)
{
	struct stat st = {0};
	int r;

	parts->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	r = parts->null < 0 || fstat(parts->null, &st) < 0 ? -errno : 0;
	if (r == 0 && !S_ISCHR(st.st_mode))
		r = -ENODEV;
	if (r == 0)
		return 0;
	return error_set(reterr, r,
		ABOUT(.step = "start", .path = "/dev/null",
			.remedy = "sudo mknod -m 666 /dev/null c 1 3 (rm it before, if it is no "
				  "device), or mount a /dev: sudo mount -t devtmpfs dev /dev"),
		"the host's /dev/null cannot be used, which a jail's streams begin with: %s",
		strerror(-r));
}

static int make_helper_args(const struct ks_plan *plan, struct parts *parts)
{
	autofree char *args = NULL;
	size_t len = 0;
	int r = plan_bwrap_args_text(plan, &args, &len);

	if (r < 0)
		return r;
	parts->helper_args = memory_file("kastellan-args", args, len);
	return parts->helper_args < 0 ? parts->helper_args : 0;
}

static int make_files(const struct ks_plan *plan, struct parts *parts)
{
	int r;

	/* Else the specification says all of it. */
	if (!plan->helper.len)
		return 0;
	r = make_helper_args(plan, parts);
	if (r < 0)
		return r;
	for (size_t i = 0; i < plan->data.len; i++) {
		if (SLOT_DATA + i > SLOT_DATA_MAX)
			return -E2BIG;
		parts->data[i] = memory_file(
			"kastellan-data", plan->data.items[i], strlen(plan->data.items[i]));
		if (parts->data[i] < 0)
			return parts->data[i];
	}
	return 0;
}

/* The same places hold a helper's files, and the last of them the way to the egress proxy. */
static bool extra_fit(const struct ks_plan *plan, const struct jail_setup *setup)
{
	uint32_t most = plan->network == NETWORK_PROXY ? SLOT_EGRESS - SLOT_EXTRA : SPEC_MAX_EXTRA;

	return setup->n_extra == 0 || (plan->kind == KS_BACKEND_NATIVE && setup->n_extra <= most);
}

static int fill_slots(const struct ks_plan *plan, const struct jail_setup *setup,
	const struct jail *jail, struct parts *parts)
{
	const struct jail_stdio *stdio = setup->stdio;
	struct launch *launch = parts->launch;
	int r = 0;

	if (!extra_fit(plan, setup))
		return -EINVAL;

	r |= launch_add(launch, 0, parts->null) | launch_add(launch, 1, parts->null);
	r |= launch_add(launch, 2, parts->complaints[1]);
	r |= launch_add(launch, SLOT_MONITOR, parts->sockets[1]);
	r |= launch_add(launch, SLOT_INIT, parts->sockets[3]);
	r |= launch_add(launch, SLOT_SPEC, parts->spec);
	r |= launch_add(launch, SLOT_INIT_EXE, parts->init_exe);
	r |= launch_add(launch, SLOT_ROOT, parts->root);
	r |= launch_add(launch, SLOT_HELPER_EXE, parts->helper_exe);
	r |= launch_add(launch, SLOT_HELPER_ARGS, parts->helper_args);
	r |= launch_add(launch, SLOT_SUPERVISOR, parts->supervisor);
	r |= launch_add(launch, SLOT_EGRESS, jail->egress_pair[0]);
	for (int i = 0; stdio && !stdio->terminal && i < 3; i++)
		r |= launch_add(launch, SLOT_STDIN + i, stdio->fds[i]);
	for (size_t i = 0; plan->helper.len && i < plan->data.len; i++)
		r |= launch_add(launch, SLOT_DATA + (int)i, parts->data[i]);
	for (uint32_t i = 0; i < setup->n_extra; i++)
		r |= launch_add(launch, SLOT_EXTRA + (int)i, setup->extra[i]);
	for (size_t i = 0; i < plan->grants.len; i++)
		r |= launch_add(launch, SLOT_GRANT + (int)i, plan->grants.items[i].fd);
	return r < 0 ? -E2BIG : 0;
}

/* A worker with kernel ids of its own may open /dev/stdout and the like again only where the pipe
 * behind it lets its group, and in the direction that it was given: others may read or write the
 * same pipe, as a shell's loop reads the worker's stdin, and they are not to take its words for
 * somebody else's. The owner stays, as an owner could change the mode. Only pipes without a name
 * change hands: what has one is the caller's. */
void give_pipes(const struct jail_stdio *stdio, uint32_t kernel_id)
{
	for (int i = 0; !stdio->terminal && i < 3; i++) {
		const mode_t mode = S_IRUSR | S_IWUSR | (i == 0 ? S_IRGRP : S_IWGRP);
		struct statfs fs;

		if (stdio->fds[i] < 0 || fstatfs(stdio->fds[i], &fs) < 0 ||
			fs.f_type != PIPEFS_MAGIC)
			continue;
		/* Without either it cannot be opened again, as it is. */
		if (fchown(stdio->fds[i], (uid_t)-1, kernel_id) < 0 ||
			fchmod(stdio->fds[i], mode) < 0)
			continue;
	}
}

/* Limits of the caller's own, which a jail cannot be made under. */
static const char *remedy_for(int code)
{
	switch (-code) {
	case EMFILE:
		return "raise the caller's limit of open files (ulimit -n)";
	case ENFILE:
		return "the host's table of open files is full: fs.file-max";
	case EFBIG:
		return "raise the caller's limit of file sizes (ulimit -f)";
	case EAGAIN:
		return "raise the caller's limit of processes (ulimit -u)";
	default:
		return NULL;
	}
}

static int monitor_failed(int code, ks_error **reterr)
{
	return error_set(reterr, code,
		ABOUT(.step = "start", .path = init_program_path(),
			.remedy = code == -EACCES || code == -ENOEXEC
					  ? "install kastellan again; in a build "
					    "tree set KASTELLAN_INIT"
					  : remedy_for(code)),
		"kastellan-init cannot be started: %s: %s", init_program_path(), strerror(-code));
}

static int start_monitor(struct parts *parts, struct jail *jail, ks_error **reterr)
{
	static const char *monitor_argv[] = {"kastellan-init", "monitor", NULL};
	int r;

	parts->launch->exe = SLOT_INIT_EXE;
	parts->launch->argv = monitor_argv;
	r = launch_start(parts->launch, &jail->monitor, &jail->monitor_pidfd);
	if (r < 0)
		return monitor_failed(r, reterr);
	jail->launch = take_ptr(parts->launch);
	jail->monitor_socket = take_fd(&parts->sockets[0]);
	jail->init_socket = take_fd(&parts->sockets[2]);
	jail->complaints = take_fd(&parts->complaints[0]);
	return 0;
}

int jail_await_monitor(struct jail *jail, ks_error **reterr)
{
	autofree struct launch *launch = take_ptr(jail->launch);
	int r = launch ? launch_await(launch) : 0;

	if (r == 0)
		return 0;
	jail->monitor = 0; /* reaped */
	drop_fd(&jail->monitor_pidfd);
	return monitor_failed(r, reterr);
}

static int prepare(const struct ks_plan *plan, const struct ks_host *host,
	const struct jail_setup *setup, const struct jail *jail, struct parts *parts,
	ks_error **reterr)
{
	const struct jail_stdio *stdio = setup->stdio;
	struct spec_start start = {
		.stdio = stdio, .n_extra = setup->n_extra, .kernel_id = jail->kernel_id};
	int r = init_program_open(&parts->init_exe, reterr);

	if (r == 0 && plan->helper.len)
		r = helper_program_open(host, &parts->helper_exe, reterr);
	if (r == 0)
		r = open_null(parts, reterr);
	if (r < 0)
		return r;
	r = open_channels(parts);
	if (r == 0)
		r = make_files(plan, parts);
	if (r == 0 && plan->kind == KS_BACKEND_NATIVE)
		parts->root = root_cache_take(kept_roots(host), plan);
	start.root = parts->root >= 0;
	if (r == 0)
		r = spec_from_plan(plan, &start, &parts->spec);
	if (r == 0 && jail->kernel_id && stdio)
		give_pipes(stdio, jail->kernel_id);
	if (r == 0)
		r = fill_slots(plan, setup, jail, parts);
	if (r < 0)
		return error_set(reterr, r, ABOUT(.step = "start", .remedy = remedy_for(r)),
			"the jail cannot be prepared: %s", strerror(-r));
	return 0;
}

int apply_jail(const struct ks_plan *plan, const struct ks_host *host,
	const struct jail_setup *setup, struct jail *jail, ks_error **reterr)
{
	struct parts *parts = malloc(sizeof(*parts));
	int r;

	if (!parts)
		return error_oom(reterr);
	parts_init(parts);
	parts->launch = malloc(sizeof(*parts->launch));
	if (!parts->launch) {
		free(parts);
		return error_oom(reterr);
	}
	parts->launch->n_slots = 0;
	jail->kernel_id = plan->identity.drop ? kernel_id_next() : 0;
	r = prepare(plan, host, setup, jail, parts, reterr);
	if (r == 0)
		r = start_monitor(parts, jail, reterr);
	parts_done(parts);
	free(parts->launch);
	free(parts);
	return r;
}
