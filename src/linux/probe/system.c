/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel says of itself and of the caller, for a few system calls. */
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "linux/kernel_id.h"
#include "linux/probe/parts.h"

/* 1, 0, or -errno: a privileged caller that is taken for a plain one would have its workers run
 * with its own ids. */
static int has_capabilities(const unsigned *needed, size_t n)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	for (size_t i = 0; i < n; i++)
		if (!(data[needed[i] / 32].effective & 1U << needed[i] % 32))
			return 0;
	return 1;
}

/* Whether the id exists in the caller's user namespace: in the initial one all do, in that of an
 * unprivileged container only some. 1, 0, or -errno. Without such a file, on a host without /proc
 * or a kernel without user namespaces, it is taken to exist: what does not cannot be taken later.
 */
static int is_mapped(const char *map, unsigned long id)
{
	autofile FILE *file = fopen(map, "re");
	char line[128];

	if (!file)
		return errno == ENOENT ? 1 : -errno;
	while (fgets(line, sizeof(line), file)) {
		char *rest;
		unsigned long inside = strtoul(line, &rest, 10);
		unsigned long count;

		strtoul(rest, &rest, 10); /* the number outside */
		count = strtoul(rest, NULL, 10);
		if (id >= inside && id - inside < count)
			return 1;
	}
	return ferror(file) ? -EIO : 0;
}

/* 1, 0, or -errno */
static int ids_are_mapped(void)
{
	int r = is_mapped("/proc/self/uid_map", KERNEL_ID_BASE);

	return r > 0 ? is_mapped("/proc/self/gid_map", KERNEL_ID_BASE) : r;
}

static int probe_privileges(struct ks_host *host)
{
	static const unsigned for_ids[] = {CAP_SETGID, CAP_SETUID, CAP_KILL};
	static const unsigned for_mounts[] = {CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN};
	int mapped = ids_are_mapped();
	int ids = has_capabilities(for_ids, 3);
	int mounts = has_capabilities(for_mounts, 3);

	if (mapped < 0 || ids < 0 || mounts < 0)
		return mapped < 0 ? mapped : ids < 0 ? ids : mounts;
	host->set_ids = mapped && ids;
	host->privileged = mapped && mounts;
	return 0;
}

static unsigned count_processors(void)
{
	cpu_set_t set;
	long n;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		return (unsigned)CPU_COUNT(&set);
	n = sysconf(_SC_NPROCESSORS_ONLN);
	return n > 0 ? (unsigned)n : 1;
}

int probe_system(struct ks_host *host)
{
	struct utsname names;
	int r = probe_privileges(host);

	if (r < 0)
		return r;
	if (uname(&names) < 0)
		return -ENOMEM; /* it cannot fail with a good pointer */
	host->os = strdup("linux");
	host->machine = strdup(names.machine);
	host->kernel = strdup(names.release);
	host->uid = geteuid();
	host->gid = getegid();
	host->processors = count_processors();
	return host->os && host->machine && host->kernel ? 0 : -ENOMEM;
}

/* "ID=debian" or "ID=\"opensuse-leap\"", of which the first word counts. */
static char *id_value(const char *value)
{
	size_t len;

	value += strspn(value, "\"'");
	len = strcspn(value, "\"'-_ \n");
	return strndup(value, len);
}

int probe_distribution(struct ks_host *host)
{
	autofile FILE *file = fopen("/etc/os-release", "re");
	autofree char *line = NULL;
	size_t room = 0;

	if (!file)
		file = fopen("/usr/lib/os-release", "re");
	while (file && !host->distribution && getline(&line, &room, file) > 0) {
		if (strncmp(line, "ID=", 3) != 0)
			continue;
		host->distribution = id_value(line + 3);
		if (!host->distribution)
			return -ENOMEM;
	}
	return 0;
}
