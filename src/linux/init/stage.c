/* SPDX-License-Identifier: Apache-2.0 */
/* A privileged caller's worker has kernel ids of its own, which own no file. So the helper is given
 * each grant as a mount that shows the owner of the grant as the worker. All grants are staged,
 * also those that keep their ids: the helper looks the names of its descriptors up again, and as
 * nobody in particular it may not be let through the directories above a grant.
 *
 * The clones are made first, as a grant may lie beneath the place they are staged at. */
#include "linux/init/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/control.h"
#include "linux/init/tree.h"
#include "linux/init/userns.h"

#define STAGE "/tmp"
#define STAGE_OPTIONS "mode=0755,size=64k,nr_inodes=2048"

/* The user namespaces of one owner after the other; grants of the same owner follow each other. */
struct owner {
	struct spec_ids ids;
	int user_namespace; /* -1 = none yet */
};

static int map_ids(int tree, int user_namespace, unsigned flags)
{
	struct mount_attr mapped = {.attr_set = MOUNT_ATTR_IDMAP};

	mapped.userns_fd = (uint64_t)user_namespace;
	return (int)syscall(
		SYS_mount_setattr, tree, "", AT_EMPTY_PATH | flags, &mapped, sizeof(mapped));
}

/* Flags and privacy are for the whole tree; they cannot fail for one of its file systems. The ids
 * can: a mount beneath the grant whose file system has no mapping keeps its own ids, which gives
 * the worker less. */
static int dress(int tree, int user_namespace, uint64_t attributes, bool helper)
{
	int r = tree_restrict(tree, attributes);

	/* Before Linux 5.12 there is no such call; a helper gives its binds the same flags. */
	if (r < 0)
		return r == -ENOSYS && user_namespace < 0 && helper ? 0 : r;
	if (user_namespace < 0 || map_ids(tree, user_namespace, AT_RECURSIVE) == 0)
		return 0;
	if (errno != EINVAL && errno != EPERM)
		return -errno;
	return map_ids(tree, user_namespace, 0) < 0 ? -errno : 0;
}

/* What the spec says of one grant. */
struct order {
	const struct spec_stage *stage; /* NULL: its ids stay */
	bool mounted; /* without a helper: by a SPEC_MOUNT */
	bool writable;
};

static struct order orders[KS_MAX_GRANTS];

static int failed(struct failure *failure, int code, const char *what, unsigned grant)
{
	failure_set(failure, code, "stage", what);
	failure_add(failure, " of grant ");
	failure_add_number(failure, grant);
	return -code;
}

static int namespace_of(
	struct owner *owner, const struct spec_stage *stage, const struct spec_ids *kernel)
{
	const struct spec_ids ids = {stage->owner_uid, stage->owner_gid};

	if (owner->user_namespace >= 0 && owner->ids.uid == ids.uid && owner->ids.gid == ids.gid)
		return owner->user_namespace;
	if (owner->user_namespace >= 0)
		close(owner->user_namespace);
	owner->ids = ids;
	owner->user_namespace = userns_for(ids, *kernel);
	return owner->user_namespace;
}

/* The clone takes its grant's slot at once, so that no more descriptors are needed than before. */
static int clone_one(
	const struct spec *spec, unsigned grant, struct owner *owner, struct failure *failure)
{
	const int slot = SLOT_GRANT + (int)grant;
	const struct spec_stage *stage = orders[grant].stage;
	uint64_t attributes = TREE_PLAIN;
	int user_namespace = -1;
	int tree, r;

	tree = tree_copy(slot, "");
	if (tree < 0)
		return failed(failure, -tree, "the mount", grant);
	if (stage) {
		user_namespace = namespace_of(owner, stage, spec->kernel_ids);
		if (user_namespace < 0)
			return failed(failure, -user_namespace, "the user namespace", grant);
	}
	/* Without a helper the mount is final, and what may not be written is decided here. */
	if (spec->hostname && !orders[grant].writable)
		attributes |= MOUNT_ATTR_RDONLY;
	r = dress(tree, user_namespace, attributes, !spec->hostname);
	if (r < 0)
		return failed(failure, -r, "the id-mapped mount", grant);
	if (dup2(tree, slot) < 0)
		return failed(failure, errno, "the descriptor", grant);
	close(tree);
	return 0;
}

/* The host's mounts keep coming and going here, so that nothing is pinned; ours stay ours. */
static int open_stage(struct failure *failure)
{
	if (unshare(CLONE_NEWNS) < 0)
		return failure_set(failure, errno, "stage", "a mount namespace");
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return failure_set(failure, errno, "stage", "the mounts' propagation");
	if (mount("tmpfs", STAGE, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, STAGE_OPTIONS) < 0)
		return failure_set(failure, errno, "stage", "a tmpfs over " STAGE);
	return 0;
}

static int make_place(const char *path, bool directory)
{
	int fd;

	if (directory)
		return mkdir(path, 0755) < 0 ? -errno : 0;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* The descriptor of a clone is from then on that of the mount. */
static int place_one(unsigned grant, struct failure *failure)
{
	const int slot = SLOT_GRANT + (int)grant;
	char path[sizeof(STAGE "/") + NUMBER_TEXT] = STAGE "/";
	struct stat st;
	int r;

	number_text(grant, path + sizeof(STAGE "/") - 1);
	if (fstat(slot, &st) < 0)
		return failed(failure, errno, "the type", grant);
	r = make_place(path, S_ISDIR(st.st_mode));
	if (r < 0)
		return failed(failure, -r, "the place", grant);
	if (syscall(SYS_move_mount, slot, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return failed(failure, errno, "the attachment", grant);
	return 0;
}

static int take_orders(const struct spec *spec, unsigned n_grants, struct failure *failure)
{
	const struct spec_stage *stage;
	const struct spec_mount *mount;
	size_t cursor = 0;

	while ((stage = spec_next(spec, SPEC_STAGE, &cursor))) {
		if (stage->slot < SLOT_GRANT || stage->slot >= SLOT_GRANT + n_grants)
			return failure_set(failure, EBADF, "stage", "a slot that holds no grant");
		orders[stage->slot - SLOT_GRANT].stage = stage;
	}
	cursor = 0;
	while ((mount = spec_next(spec, SPEC_MOUNT, &cursor))) {
		if (mount->kind != SPEC_MOUNT_BIND_GRANT)
			continue;
		if (mount->slot >= SLOT_GRANT + n_grants)
			return failure_set(failure, EBADF, "stage", "a slot that holds no grant");
		orders[mount->slot - SLOT_GRANT].mounted = true;
		orders[mount->slot - SLOT_GRANT].writable = mount->flags & SPEC_MOUNT_WRITABLE;
	}
	return 0;
}

int stage_clone_grants(const struct spec *spec, unsigned n_grants, struct failure *failure)
{
	struct owner owner = {.user_namespace = -1};
	int r = take_orders(spec, n_grants, failure);

	for (unsigned i = 0; r == 0 && i < n_grants; i++)
		if (!spec->hostname || orders[i].mounted)
			r = clone_one(spec, i, &owner, failure);
	if (owner.user_namespace >= 0)
		close(owner.user_namespace);
	return r;
}

int stage_grants(const struct spec *spec, unsigned n_grants, struct failure *failure)
{
	int r = stage_clone_grants(spec, n_grants, failure);

	/* The helper would find a child that it does not know. */
	userns_wait();
	if (r < 0 || n_grants == 0)
		return r;
	r = open_stage(failure);
	for (unsigned i = 0; r == 0 && i < n_grants; i++)
		r = place_one(i, failure);
	return r;
}
