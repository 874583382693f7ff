/* SPDX-License-Identifier: Apache-2.0 */
/* bubblewrap's command line. It applies its arguments in their order, so the order of the mounts is
 * the order here; what has to stay read-only is sealed after the last of them. */
#include "linux/plan/bwrap.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/bounds.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "linux/control.h"
#include "linux/plan/parts.h"

/* An empty directory that covers one of /proc needs room for nothing but itself. */
#define MASK_SIZE 4096u

/* Arguments under construction; the first failure sticks. */
struct args {
	struct strv *list;
	const struct ks_host *host;
	unsigned data; /* next slot of a generated file */
	int error;
};

static void add(struct args *args, const char *text)
{
	if (args->error == 0)
		args->error = strv_add(args->list, text);
}

#define ADD(args, ...)                                                             \
	do {                                                                       \
		const char *const texts_[] = {__VA_ARGS__};                        \
		for (size_t i_ = 0; i_ < sizeof(texts_) / sizeof(texts_[0]); i_++) \
			add(args, texts_[i_]);                                     \
	} while (0)

static void add_number(struct args *args, const char *option, uint64_t number)
{
	add(args, option);
	if (args->error == 0)
		args->error = strv_addf(args->list, "%" PRIu64, number);
}

/* --perms came before --size, so a bubblewrap with the one has the other; without them files are
 * the worker's alone, and a tmpfs is as large as the memory limit lets it be. */
static void add_shape(struct args *args, unsigned mode, uint64_t size)
{
	if (!args->host->bwrap.size)
		return;
	add(args, "--perms");
	if (args->error == 0)
		args->error = strv_addf(args->list, "%04o", mode);
	if (size)
		add_number(args, "--size", size);
}

static void add_isolation(struct args *args, enum plan_network network)
{
	ADD(args, "--unshare-user", "--unshare-ipc", "--unshare-pid");
	/* The proxy's is there before bubblewrap is. */
	if (network == NETWORK_NONE)
		add(args, "--unshare-net");
	ADD(args, "--unshare-uts", "--unshare-cgroup");
	if (args->host->bwrap.disable_userns)
		add(args, "--disable-userns");
	add_number(args, "--uid", WORKER_UID);
	add_number(args, "--gid", WORKER_GID);
	ADD(args, "--hostname", WORKER_HOSTNAME, "--clearenv", "--new-session", "--as-pid-1",
		"--cap-drop", "ALL");
}

/* From the descriptor, never from the name again. */
static void add_grant(struct args *args, const struct mount *mount)
{
	unsigned slot = (unsigned)(SLOT_GRANT + mount->grant);

	if (args->host->bwrap.bind_fd) {
		add_number(args, mount->writable ? "--bind-fd" : "--ro-bind-fd", slot);
	} else {
		add(args, mount->writable ? "--bind" : "--ro-bind");
		if (args->error == 0)
			args->error = strv_addf(args->list, "/proc/self/fd/%u", slot);
	}
	add(args, mount->path);
}

static void add_mount(struct args *args, const struct mount *mount)
{
	switch (mount->kind) {
	case MOUNT_BIND_HOST:
		ADD(args, "--ro-bind", mount->source, mount->path);
		break;
	case MOUNT_BIND_GRANT:
		add_grant(args, mount);
		break;
	case MOUNT_MASK_FILE:
		/* A device has to stay one, or reading the covered file is an error instead of
		 * finding it empty. */
		ADD(args, "--dev-bind", "/dev/null", mount->path);
		break;
	case MOUNT_MASK_DIRECTORY:
		add_shape(args, 0555, MASK_SIZE);
		ADD(args, "--tmpfs", mount->path, "--remount-ro", mount->path);
		break;
	case MOUNT_CLOSED:
		break;
	case MOUNT_DATA:
		add_shape(args, 0444, 0);
		add_number(args, "--ro-bind-data", args->data++);
		add(args, mount->path);
		break;
	case MOUNT_LINK:
		ADD(args, "--symlink", mount->source, mount->path);
		break;
	case MOUNT_TMPFS:
		add_shape(args, mount->mode, mount->size);
		ADD(args, "--tmpfs", mount->path);
		break;
	case MOUNT_PROC:
		ADD(args, "--proc", mount->path);
		break;
	case MOUNT_DEV:
		ADD(args, "--dev", mount->path);
		break;
	case MOUNT_DEVICE:
		ADD(args, "--dev-bind", mount->source, mount->path);
		break;
	}
}

int plan_bwrap_helper(struct ks_plan *plan, const struct ks_host *host)
{
	struct args args = {.list = &plan->helper, .host = host, .data = SLOT_DATA};

	add(&args, "bwrap");
	add_isolation(&args, plan->network);
	for (size_t i = 0; i < plan->mounts.len; i++)
		add_mount(&args, &plan->mounts.items[i]);
	/* Not recursive: /dev/pts, /dev/shm, /tmp and the grants keep what they have. */
	ADD(&args, "--remount-ro", "/dev", "--remount-ro", "/", "--");
	if (args.error == 0)
		args.error = strv_addf(&plan->helper, "/proc/self/fd/%d", SLOT_INIT_EXE);
	add(&args, "init");
	return args.error;
}

int plan_bwrap(const struct plan_request *request, struct grants *grants, struct ks_plan **ret_plan,
	ks_error **reterr)
{
	struct ks_plan *plan = NULL;
	int r = plan_linux(KS_BACKEND_BWRAP, request, grants, &plan, reterr);

	if (r < 0)
		return r;
	if (plan_bwrap_helper(plan, request->host) < 0) {
		*grants = plan->grants;
		plan->grants = (struct grants){0};
		plan_free(plan);
		return error_oom(reterr);
	}
	*ret_plan = plan;
	return 0;
}

/* Where the command of plan->helper begins: its "--". No option above takes that text. */
static size_t command_start(const struct ks_plan *plan)
{
	size_t i = plan->helper.len;

	while (i > 0 && strcmp(plan->helper.items[i - 1], "--") != 0)
		i--;
	return i ? i - 1 : plan->helper.len;
}

int plan_bwrap_args_text(const struct ks_plan *plan, char **ret_text, size_t *ret_len)
{
	autostrbuf struct strbuf text;
	size_t end = command_start(plan);

	strbuf_init(&text, KS_MAX_TEXT);
	for (size_t i = 1; i < end; i++)
		strbuf_add(&text, plan->helper.items[i], strlen(plan->helper.items[i]) + 1);
	return strbuf_take(&text, ret_text, ret_len);
}

int plan_bwrap_argv(const struct ks_plan *plan, struct strv *ret_argv)
{
	autostrv struct strv argv = {0};
	int r = strv_add(&argv, "bwrap");

	if (r == 0)
		r = strv_add(&argv, "--args");
	if (r == 0)
		r = strv_addf(&argv, "%d", SLOT_HELPER_ARGS);
	for (size_t i = command_start(plan); r == 0 && i < plan->helper.len; i++)
		r = strv_add(&argv, plan->helper.items[i]);
	if (r < 0)
		return r;
	*ret_argv = argv;
	argv = (struct strv){0};
	return 0;
}
