/* SPDX-License-Identifier: Apache-2.0 */
/* What kastellan-init is told: one sealed memfd that library and init agree on byte for byte.
 *
 * The text is a header and a sequence of records, each 8-byte aligned. The writer (spec_write.c)
 * lives in the library; the reader (init/spec_read.c) maps the file and points into it, so that it
 * needs no allocation. Both sides are built from the same tree; the version guards against a stale
 * installation. Integers are in host byte order: the two never run on different machines. */
#ifndef KS_LINUX_SPEC_H
#define KS_LINUX_SPEC_H

#include <stdint.h>

#define SPEC_MAGIC 0x6b737031u /* "ksp1" */
#define SPEC_VERSION 1u

struct spec_header {
	uint32_t magic;
	uint32_t version;
	uint32_t size; /* of the whole text, this header included */
	uint32_t records;
};

struct spec_record {
	uint32_t type; /* enum spec_type */
	uint32_t len; /* bytes of payload that follow; the next record is at the next multiple of 8
		       */
};

enum spec_type {
	/* For the worker. Strings carry their NUL. */
	SPEC_ARG = 1, /* string, repeated: argv, the program first */
	SPEC_ENV, /* string, repeated: "NAME=value" */
	SPEC_CWD, /* string */
	SPEC_SEARCH, /* string: "dir:dir", where a program without a slash is looked for */
	SPEC_IDS, /* struct spec_ids: what getuid() and getgid() must say inside */
	SPEC_FLAGS, /* uint32_t: SPEC_FLAG_* */
	SPEC_WINSIZE, /* struct spec_winsize, with SPEC_FLAG_TTY */
	SPEC_RLIMIT, /* struct spec_rlimit, repeated, in the order of application */
	SPEC_VERIFY, /* struct spec_verify + string, repeated: each grant before anything runs */
	SPEC_LANDLOCK, /* struct spec_landlock: the ruleset; absent = no Landlock */
	SPEC_RULE, /* struct spec_rule + string, repeated: one path-beneath rule */
	SPEC_FILTER_NOTIFY, /* struct sock_filter[]: never-legitimate calls are handed to pid 1 */
	SPEC_FILTER_KILL, /* struct sock_filter[]: the same, with KILL_PROCESS in their place */
	SPEC_CLOSED, /* string, repeated: a file that the kernel must refuse, or nothing runs */
	/* For the monitor. */
	SPEC_HELPER_ARG = 64, /* string, repeated: argv of the helper (bwrap) */
	SPEC_KERNEL_IDS, /* struct spec_ids: drop to these before the helper starts */
	SPEC_STAGE, /* struct spec_stage, repeated: mounts to prepare for the helper */
	/* For the monitor, and its child that makes the jail, where there is no helper. */
	SPEC_HOSTNAME, /* string: of the jail. Its presence says that there is no helper */
	SPEC_MOUNT, /* struct spec_mount + two strings, repeated: the root, in this order */
	/* For whoever makes the network namespace. */
	SPEC_EGRESS, /* uint16_t[]: ports of the allowlist, each once. Its presence says that the
			network leads to the egress proxy, which listens at the other end of
			SLOT_EGRESS */
	SPEC_LOOPBACK, /* struct spec_loopback, repeated: an entry of the allowlist that is an
			  address of the loopback, and means the host's */
	/* For both, where there are no namespaces. */
	SPEC_TEMPORARY, /* struct spec_temporary + string: a directory is made in this one for the
			   worker. Its presence says that init is a plain process of the host */
	/* For init, where there is no helper. */
	SPEC_EXTRA, /* uint32_t, 1 to SPEC_MAX_EXTRA: so many descriptors behind the standard
		       streams the program starts with, from 3 on; they come in SLOT_EXTRA and
		       those after it. Absent: none */
};

#define SPEC_MAX_EXTRA 7u /* the last of them only without SPEC_EGRESS, whose slot it is */

enum {
	SPEC_FLAG_TTY = 1 << 0, /* open a terminal inside, hand its master out, make it stdio */
	SPEC_FLAG_KEEP_GROUP = 1 << 1, /* no cgroup to join: do not wait for descriptors of one */
	SPEC_FLAG_LATE = 1 << 2, /* built ahead: arguments and stdio come with CONTROL_PROGRAM */
	SPEC_FLAG_LOOPBACK = 1 << 3, /* without a helper: the jail's own loopback is up */
	SPEC_FLAG_HOST_NETWORK = 1 << 4, /* without a helper: no network namespace is made */
	SPEC_FLAG_ROOT = 1 << 5, /* without a helper: SLOT_ROOT holds a root with all that is no
				    jail's own */
};

struct spec_ids {
	uint32_t uid;
	uint32_t gid;
};

struct spec_winsize {
	uint16_t rows;
	uint16_t columns;
	uint16_t xpixel;
	uint16_t ypixel;
};

struct spec_rlimit {
	uint32_t resource; /* RLIMIT_* */
	uint32_t zero;
	uint64_t soft;
	uint64_t hard;
};

/* The object at the path must be this one: a mount that a planted link led elsewhere is found out
 * here, before the worker exists. */
struct spec_verify {
	uint64_t dev; /* st_dev as stat() gives it */
	uint64_t ino;
	uint32_t read_only; /* the mount must have MS_RDONLY */
	uint32_t zero;
};

struct spec_landlock {
	uint64_t handled_fs;
	uint64_t handled_net;
	uint64_t scoped;
	uint32_t abi; /* the plan's; init refuses to start under a lower one */
	uint32_t zero;
};

struct spec_rule {
	uint64_t access;
	uint32_t optional; /* nothing at the path: skip the rule, which grants less */
	uint32_t slot; /* the rule is for the grant in it, whatever its path leads to; 0: none */
};

struct spec_temporary {
	uint64_t access; /* of the rule for it */
	uint32_t named; /* TMPDIR says where it is */
	uint32_t zero;
};

struct spec_loopback {
	uint8_t address[16]; /* IPv6, or IPv4 as a mapped address */
	uint32_t port;
	uint32_t zero;
};

/* The grant in descriptor `slot` becomes a private mount of its own, the owner mapped to the
 * worker's kernel ids, and the slot is replaced by a descriptor of that mount. */
struct spec_stage {
	uint32_t slot;
	uint32_t directory; /* else a file */
	uint32_t
		owner_uid; /* of the granted object on disk: shown as, and written as, the worker */
	uint32_t owner_gid;
};

enum spec_mount_kind {
	SPEC_MOUNT_BIND_HOST = 1, /* the host's `source`, with all that is mounted in it */
	SPEC_MOUNT_BIND_GRANT, /* what descriptor `slot` holds, with all that is mounted in it */
	SPEC_MOUNT_MASK_FILE, /* /dev/null over what is there, if anything is */
	SPEC_MOUNT_MASK_DIRECTORY, /* an empty directory over what is there, if anything is */
	SPEC_MOUNT_DATA, /* a read-only file with the text `source` */
	SPEC_MOUNT_LINK, /* a symbolic link with the text `source` */
	SPEC_MOUNT_TMPFS, /* of `size` bytes and `mode` */
	SPEC_MOUNT_PROC,
	SPEC_MOUNT_DEV,
	SPEC_MOUNT_DEVICE, /* the host's device `source`, which may be used */
};

enum { SPEC_MOUNT_WRITABLE = 1 << 0 };

/* One thing in the jail's root. Two strings follow, each with its NUL: where it appears inside, and
 * the source, empty for kinds without one. Of all but data, sources are paths. */
struct spec_mount {
	uint32_t kind; /* enum spec_mount_kind */
	uint32_t flags; /* SPEC_MOUNT_WRITABLE */
	uint32_t mode;
	uint32_t slot;
	uint64_t size;
};

#endif
