/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/landlock.h"

#include <stddef.h>

struct right {
	const char *name;
	int since; /* ABI */
};

static const struct right fs_rights[FS_BITS] = {
	[FS_EXECUTE] = {"execute", 1},
	[FS_WRITE_FILE] = {"write_file", 1},
	[FS_READ_FILE] = {"read_file", 1},
	[FS_READ_DIR] = {"read_dir", 1},
	[FS_REMOVE_DIR] = {"remove_dir", 1},
	[FS_REMOVE_FILE] = {"remove_file", 1},
	[FS_MAKE_CHAR] = {"make_char", 1},
	[FS_MAKE_DIR] = {"make_dir", 1},
	[FS_MAKE_REG] = {"make_reg", 1},
	[FS_MAKE_SOCK] = {"make_sock", 1},
	[FS_MAKE_FIFO] = {"make_fifo", 1},
	[FS_MAKE_BLOCK] = {"make_block", 1},
	[FS_MAKE_SYM] = {"make_sym", 1},
	[FS_REFER] = {"refer", 2},
	[FS_TRUNCATE] = {"truncate", 3},
	[FS_IOCTL_DEV] = {"ioctl_dev", 5},
	[FS_RESOLVE_UNIX] = {"resolve_unix", 9},
};

static const struct right net_rights[NET_BITS] = {
	[NET_BIND_TCP] = {"bind_tcp", 4},
	[NET_CONNECT_TCP] = {"connect_tcp", 4},
	[NET_BIND_UDP] = {"bind_udp", 10},
	[NET_CONNECT_SEND_UDP] = {"connect_send_udp", 10},
};

static const struct right scopes[SCOPE_BITS] = {
	[SCOPE_ABSTRACT_UNIX] = {"abstract_unix_socket", 6},
	[SCOPE_SIGNAL] = {"signal", 6},
};

static uint64_t up_to(const struct right *rights, unsigned bits, int abi)
{
	uint64_t mask = 0;

	for (unsigned bit = 0; bit < bits; bit++)
		if (rights[bit].since <= abi)
			mask |= LANDLOCK_BIT(bit);
	return mask;
}

uint64_t landlock_handled_fs(int abi)
{
	return up_to(fs_rights, FS_BITS, abi);
}

uint64_t landlock_handled_net(int abi)
{
	return up_to(net_rights, NET_BITS, abi);
}

uint64_t landlock_scopes(int abi)
{
	return up_to(scopes, SCOPE_BITS, abi);
}

const char *landlock_fs_name(unsigned bit)
{
	return bit < FS_BITS ? fs_rights[bit].name : NULL;
}

const char *landlock_net_name(unsigned bit)
{
	return bit < NET_BITS ? net_rights[bit].name : NULL;
}

const char *landlock_scope_name(unsigned bit)
{
	return bit < SCOPE_BITS ? scopes[bit].name : NULL;
}
