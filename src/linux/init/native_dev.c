/* SPDX-License-Identifier: Apache-2.0 */
/* A /dev with what every program expects and nothing that is the host's alone. The nodes are the
 * host's, as nobody without its privileges can make any. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "linux/init/native_parts.h"
#include "linux/init/tree.h"

/* A device is written through a read-only mount all the same; its mode and times, which are the
 * host's, are not. */
#define NODE_ATTRIBUTES (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC)

static const struct {
	const char *name;
	const char *source;
} nodes[] = {
	{"null", "/dev/null"},
	{"zero", "/dev/zero"},
	{"full", "/dev/full"},
	{"random", "/dev/random"},
	{"urandom", "/dev/urandom"},
	{"tty", "/dev/tty"},
};

static const struct {
	const char *name;
	const char *text;
} links[] = {
	{"fd", "/proc/self/fd"},
	{"stdin", "/proc/self/fd/0"},
	{"stdout", "/proc/self/fd/1"},
	{"stderr", "/proc/self/fd/2"},
	{"core", "/proc/kcore"},
	{"ptmx", "pts/ptmx"},
};

static int add_node(int directory, const char *name, const char *source)
{
	int tree, r;

	if (mknodat(directory, name, S_IFREG | 0444, 0) < 0)
		return -errno;
	tree = tree_copy(AT_FDCWD, source);
	if (tree < 0)
		return tree;
	r = tree_restrict(tree, NODE_ATTRIBUTES);
	if (r == 0)
		r = tree_attach_at(tree, directory, name);
	close(tree);
	return r;
}

int devices_fill(int directory, const char **ret_name)
{
	static const char *const places[] = {"pts", "shm"};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		*ret_name = nodes[i].name;
		r = add_node(directory, nodes[i].name, nodes[i].source);
	}
	for (size_t i = 0; r == 0 && i < sizeof(links) / sizeof(links[0]); i++) {
		*ret_name = links[i].name;
		r = symlinkat(links[i].text, directory, links[i].name) < 0 ? -errno : 0;
	}
	for (size_t i = 0; r == 0 && i < sizeof(places) / sizeof(places[0]); i++) {
		*ret_name = places[i];
		r = mkdirat(directory, places[i], 0755) < 0 ? -errno : 0;
	}
	return r;
}

int devices_add_terminals(int directory, const char **ret_name)
{
	*ret_name = "pts";
	if (fchdir(directory) < 0)
		return -errno;
	return mount("devpts", "pts", "devpts", MS_NOSUID | MS_NOEXEC,
		       "newinstance,ptmxmode=0666,mode=620") < 0
		       ? -errno
		       : 0;
}
