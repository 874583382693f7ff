/* SPDX-License-Identifier: Apache-2.0 */
/* Who the jail's processes are to the kernel: one id of each kind, and no group besides. A child
 * with kernel ids of its own is mapped by the monitor, which alone may give such ids away; else it
 * maps its caller's, which anybody may. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <unistd.h>

#include "linux/init/native_parts.h"
#include "linux/init/process.h"

#define MAP_TEXT (3 * NUMBER_TEXT)

/* "inside outside 1\n" */
static const char *map_text(char text[MAP_TEXT], uint32_t inside, uint32_t outside)
{
	const uint32_t numbers[] = {inside, outside, 1};
	size_t len = 0;

	for (unsigned i = 0; i < 3; i++) {
		number_text(numbers[i], text + len);
		len += strlen(text + len);
		text[len++] = i < 2 ? ' ' : '\n';
	}
	text[len] = '\0';
	return text;
}

static int write_maps(int process, const struct spec_ids *inside, struct spec_ids outside,
	struct failure *failure)
{
	char text[MAP_TEXT];
	const char *step = "setgroups";
	int r = write_small_file(process, step, "deny");

	if (r == 0) {
		step = "gid_map";
		r = write_small_file(process, step, map_text(text, inside->gid, outside.gid));
	}
	if (r == 0) {
		step = "uid_map";
		r = write_small_file(process, step, map_text(text, inside->uid, outside.uid));
	}
	return r < 0 ? failure_set(failure, -r, "map", step) : 0;
}

static int map_process(const char *path, const struct spec_ids *inside, struct spec_ids outside,
	struct failure *failure)
{
	int process = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (process < 0)
		return failure_set(failure, errno, "map", path);
	r = write_maps(process, inside, outside, failure);
	close(process);
	return r;
}

int ids_map_child(pid_t child, const struct spec *spec, struct failure *failure)
{
	char path[sizeof("/proc/") + NUMBER_TEXT] = "/proc/";

	number_text((uint64_t)child, path + sizeof("/proc/") - 1);
	return map_process(path, spec->ids, *spec->kernel_ids, failure);
}

int ids_map_self(const struct spec_ids *inside, struct spec_ids outside, struct failure *failure)
{
	return map_process("/proc/self", inside, outside, failure);
}

int ids_take(const struct spec *spec, struct failure *failure)
{
	const struct spec_ids *ids = spec->ids;

	/* The bare calls would do; nobody else lives in this process that could be forgotten. */
	if (setresgid(ids->gid, ids->gid, ids->gid) < 0)
		return failure_set(failure, errno, "ids", "setresgid");
	if (setresuid(ids->uid, ids->uid, ids->uid) < 0)
		return failure_set(failure, errno, "ids", "setresuid");
	if (getgroups(0, NULL) != 0)
		return failure_set(failure, EPERM, "ids", "groups are left");
	return 0;
}
