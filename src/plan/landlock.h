/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock's rights and scopes by ABI. The numbers are the kernel's interface; they stand here as
 * the headers that a distribution ships are often older than its kernel. */
#ifndef KS_PLAN_LANDLOCK_H
#define KS_PLAN_LANDLOCK_H

#include <stdint.h>

/* The newest ABI whose rights are known here. A newer kernel is asked for these. */
#define LANDLOCK_ABI_KNOWN 10

/* Rights to files and directories, by bit. */
enum landlock_fs_bit {
	FS_EXECUTE,
	FS_WRITE_FILE,
	FS_READ_FILE,
	FS_READ_DIR,
	FS_REMOVE_DIR,
	FS_REMOVE_FILE,
	FS_MAKE_CHAR,
	FS_MAKE_DIR,
	FS_MAKE_REG,
	FS_MAKE_SOCK,
	FS_MAKE_FIFO,
	FS_MAKE_BLOCK,
	FS_MAKE_SYM,
	FS_REFER, /* ABI 2; link and rename across directories, always refused before */
	FS_TRUNCATE, /* ABI 3 */
	FS_IOCTL_DEV, /* ABI 5 */
	FS_RESOLVE_UNIX, /* ABI 9: connect to a socket by its path */
	FS_BITS
};

enum landlock_net_bit {
	NET_BIND_TCP, /* ABI 4 */
	NET_CONNECT_TCP, /* ABI 4 */
	NET_BIND_UDP, /* ABI 10 */
	NET_CONNECT_SEND_UDP, /* ABI 10 */
	NET_BITS
};

enum landlock_scope_bit {
	SCOPE_ABSTRACT_UNIX, /* ABI 6 */
	SCOPE_SIGNAL, /* ABI 6 */
	SCOPE_BITS
};

#define LANDLOCK_BIT(bit) (UINT64_C(1) << (bit))

/* Everything that an ABI can restrict; 0 for ABI 0. */
uint64_t landlock_handled_fs(int abi);
uint64_t landlock_handled_net(int abi);
uint64_t landlock_scopes(int abi);

/* Lower-case names ("read_file"); NULL past the last bit. */
const char *landlock_fs_name(unsigned bit);
const char *landlock_net_name(unsigned bit);
const char *landlock_scope_name(unsigned bit);

#endif
