/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock is the layer that knows files and ports. Where the kernel has none the filter is what is
 * left: the proxy can open no file by that alone, the resolver can read what its user can.
 *
 * Signals are not scoped: the kernel would then also keep back the one that ends the resolver when
 * the proxy dies. The filters hold them. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "egress/confine_parts.h"
#include "plan/landlock.h"

#define STEP "landlock"
#define DNS_PORT 53

#define RULE_NET_PORT 2 /* LANDLOCK_RULE_NET_PORT of newer headers */

/* Of UDP nothing is asked: the jail's sockets answer to any port, and getaddrinfo() connects to
 * find out how the kernel would route. */
#define LISTENING LANDLOCK_BIT(NET_BIND_TCP)
#define REACHING LANDLOCK_BIT(NET_CONNECT_TCP)

struct ruleset_attr {
	uint64_t handled_fs;
	uint64_t handled_net;
	uint64_t scoped;
};

struct net_port_attr {
	uint64_t allowed_access;
	uint64_t port;
};

/* *ret_abi is 0 where there is none, it is off, or a container's filter does not know it. Any other
 * failure is one. */
static int find_abi(int *ret_abi, struct complaint *complaint)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (abi < 0 && errno != ENOSYS && errno != EOPNOTSUPP && errno != EPERM)
		return complain(complaint, errno, STEP, "its version");
	if (abi < 0)
		abi = 0;
	*ret_abi = abi < LANDLOCK_ABI_KNOWN ? (int)abi : LANDLOCK_ABI_KNOWN;
	return 0;
}

static int make_ruleset(int abi, uint64_t net, int *ret_fd, struct complaint *complaint)
{
	const struct ruleset_attr attr = {
		.handled_fs = landlock_handled_fs(abi),
		.handled_net = landlock_handled_net(abi) & net,
		.scoped = landlock_scopes(abi) & LANDLOCK_BIT(SCOPE_ABSTRACT_UNIX),
	};
	/* An older kernel takes the shorter one, as what it does not know is zero. */
	long fd = syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

	if (fd < 0)
		return complain(complaint, errno, STEP, "landlock_create_ruleset");
	*ret_fd = (int)fd;
	return 0;
}

/* Closes the ruleset. */
static int enforce(int ruleset, struct complaint *complaint)
{
	int r = 0;

	if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		r = complain(complaint, errno, STEP, "landlock_restrict_self");
	close(ruleset);
	return r;
}

int landlock_proxy(int *ret_abi, struct complaint *complaint)
{
	int abi = 0, ruleset = -1;
	int r = find_abi(&abi, complaint);

	if (r == 0 && abi) {
		r = make_ruleset(abi, LISTENING, &ruleset, complaint);
		if (r == 0)
			r = enforce(ruleset, complaint);
	}
	if (r == 0)
		*ret_abi = abi;
	return r;
}

#define FILE_READ LANDLOCK_BIT(FS_READ_FILE)
#define TREE_READ (LANDLOCK_BIT(FS_READ_FILE) | LANDLOCK_BIT(FS_READ_DIR))

/* Settings of the name service. Whoever is not root reads the directory that they are in, where a
 * new version replaces them by its name; root would see /etc/shadow there, too. */
static const char *const settings[] = {
	"/etc/gai.conf",
	"/etc/host.conf",
	"/etc/hosts",
	"/etc/ld.so.cache",
	"/etc/nsswitch.conf",
	"/etc/protocols",
	"/etc/resolv.conf",
	"/etc/services",
};

/* Libraries that a service of nsswitch.conf is in. */
static const char *const libraries[] = {
	"/lib",
	"/lib32",
	"/lib64",
	"/usr/lib",
	"/usr/lib32",
	"/usr/lib64",
	"/usr/local/lib",
	"/gnu/store",
	"/nix/store",
};

/* A rule holds for what the path leads to, through links. What is missing needs none. */
static int allow(int ruleset, const char *path, uint64_t access, struct complaint *complaint)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = access};
	struct stat st;
	int r = 0;

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return 0;
	if (fstat(rule.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.allowed_access &= FILE_READ;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		r = complain(complaint, errno, STEP, "a rule for the files of the name service");
	close(rule.parent_fd);
	return r;
}

static int allow_all(int ruleset, const char *const *paths, size_t count, uint64_t access,
	struct complaint *complaint)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = allow(ruleset, paths[i], access, complaint);
	return r;
}

/* resolv.conf is often a link to what a service writes below /run, anew and under the old name. */
static int allow_service(int ruleset, struct complaint *complaint)
{
	char *real = realpath("/etc/resolv.conf", NULL);
	int r = 0;

	if (real && strncmp(real, "/run/", 5) == 0) {
		char *last = strrchr(real, '/');

		if (last > real + 4) {
			*last = '\0';
			r = allow(ruleset, real, FILE_READ, complaint);
		}
	}
	free(real);
	return r;
}

static int allow_names(int ruleset, struct complaint *complaint)
{
	const size_t n_settings = sizeof(settings) / sizeof(settings[0]);
	const size_t n_libraries = sizeof(libraries) / sizeof(libraries[0]);
	int r = allow_all(ruleset, settings, n_settings, FILE_READ, complaint);

	if (r == 0 && geteuid() != 0)
		r = allow(ruleset, "/etc", TREE_READ, complaint);
	if (r == 0)
		r = allow_service(ruleset, complaint);
	if (r == 0)
		r = allow_all(ruleset, libraries, n_libraries, TREE_READ, complaint);
	return r;
}

static int allow_name_servers(int ruleset, int abi, struct complaint *complaint)
{
	const struct net_port_attr rule = {.allowed_access = REACHING, .port = DNS_PORT};

	if ((landlock_handled_net(abi) & REACHING) &&
		syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule, 0) < 0)
		return complain(complaint, errno, STEP, "a rule for the port of name servers");
	return 0;
}

int landlock_resolver(struct complaint *complaint)
{
	int abi = 0, ruleset = -1;
	int r = find_abi(&abi, complaint);

	if (r < 0 || !abi)
		return r;
	r = make_ruleset(abi, LISTENING | REACHING, &ruleset, complaint);
	if (r < 0)
		return r;
	r = allow_names(ruleset, complaint);
	if (r == 0)
		r = allow_name_servers(ruleset, abi, complaint);
	if (r < 0) {
		close(ruleset);
		return r;
	}
	return enforce(ruleset, complaint);
}
