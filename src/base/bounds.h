/* SPDX-License-Identifier: Apache-2.0 */
/* Every ceiling of the project, in one list: what a buffer, a table or a number may reach. */
#ifndef KS_BASE_BOUNDS_H
#define KS_BASE_BOUNDS_H

#define KS_MAX_POLICY_BYTES 1048576 /* a policy file */
#define KS_MAX_POLICY_VALUES 8192 /* values in it: three times what a full one has */
#define KS_MAX_POLICY_DEPTH 16 /* arrays and objects in one another; a good one has 3 */
#define KS_MAX_GRANTS 512 /* fs_read + fs_write, each a mount and a descriptor */
#define KS_MAX_ENDPOINTS 256 /* entries of net.Allowlist */
#define KS_MAX_ENV 512 /* environment variables */
#define KS_MAX_ENV_NAME 255 /* bytes of an environment name */
#define KS_MAX_ENV_VALUE 131071 /* the kernel's MAX_ARG_STRLEN, NUL included */
#define KS_MAX_ENV_BYTES 1048576 /* all names and values, with = and NUL */
#define KS_MAX_PATH 4095 /* PATH_MAX without its NUL */
#define KS_MAX_HOST 253 /* a DNS name in text form, RFC 1035 */
#define KS_MAX_LABEL 63 /* one label of it */
#define KS_MAX_CPU_MS (1000ull * 3600 * 24 * 366) /* a year: beyond it is a typing error */
#define KS_MAX_MEM_MB (16ull * 1024 * 1024) /* 16 TiB */
#define KS_MAX_CPU_QUOTA_PCT 102400u /* 1024 processors */
#define KS_MAX_TASKS 4194304u /* the kernel's PID_MAX_LIMIT */
#define KS_MAX_EGRESS_CONNECTIONS 4096 /* at once, each two sockets of the proxy */
#define KS_MAX_EGRESS_NAMES 65535 /* as many as there are addresses that stand for a name */
#define KS_MAX_EGRESS_BYTES (1ull << 50) /* a petabyte: beyond it is a typing error */
#define KS_MAX_EGRESS_CONNECT_MS (1000ull * 600) /* ten minutes: no dialling takes longer */
#define KS_MAX_EGRESS_IDLE_MS (1000ull * 3600 * 24) /* a day */
#define KS_MAX_PROBLEMS 64 /* problems reported of one policy file */
#define KS_MAX_ARGS 65536 /* arguments of the program; their bytes count as KS_MAX_SPEC_BYTES */
#define KS_MAX_SPEC_BYTES 8388608 /* what kastellan-init is told */
#define KS_MAX_STEP_TEXT 256 /* detail text of a failing step in the jail */
#define KS_MAX_CGROUP_FILE 4096 /* what is read of a cgroup control file */
#define KS_MAX_MESSAGE_DEPTH 64 /* arrays and objects in one another, in a message of a worker */
#define KS_MAX_MESSAGE_BYTES 8388608 /* such a message: half of KS_MAX_TEXT */
#define KS_MAX_MESSAGE_ID \
	1024 /* bytes of its id as it is written, which is kept until the answer */
#define KS_MAX_TOOLS 256 /* tools of a manifest */
#define KS_MAX_TOOL_NAME 64 /* bytes of a tool's name */
#define KS_MAX_IMAGE_NAME 255 /* bytes of a container image's name */
#define KS_MAX_FILES_TRANSFER 262144 /* bytes of a file in one message of a guest */
#define KS_MAX_FILES_ATTRIBUTE \
	65536 /* an extended attribute, or the list of them: XATTR_SIZE_MAX */
#define KS_MAX_FILES_NODES 524288 /* files that a guest knows at a time */
#define KS_MAX_FILES_DESCRIPTORS 65536 /* that are open for them */
#define KS_MAX_FILES_MOUNTS 1024 /* mounts in the tree that a guest sees */
#define KS_MAX_FILES_LOCKS 1024 /* pairs of a process of a guest and a file it locks */
#define KS_MAX_FILES_WAITING 256 /* programs of a guest that wait for a lock */
#define KS_MAX_COUNT 9007199254740991 /* whole numbers that every reader of JSON can hold */
#define KS_MAX_SECONDS (3600ull * 24 * 366) /* a year, as KS_MAX_CPU_MS */
#define KS_MAX_TEXT 16777216 /* any text that the library composes */

#endif
