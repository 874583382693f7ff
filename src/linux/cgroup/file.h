/* SPDX-License-Identifier: Apache-2.0 */
/* Control files of one group: small texts of numbers. Every name is relative to the descriptor of
 * the group's directory. */
#ifndef KS_LINUX_CGROUP_FILE_H
#define KS_LINUX_CGROUP_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <kastellan/error.h>

#include "base/bounds.h"

#define CGROUP_FILE_NO_LIMIT UINT64_MAX

/* The directory of a group. Returns a descriptor or -errno. */
int cgroup_dir_open(const char *path);

/* At most sizeof(text) - 1 bytes, NUL-terminated. Returns their number or -errno. */
ssize_t cgroup_file_read(int dir, const char *name, char text[KS_MAX_CGROUP_FILE]);

/* In one write, as the kernel wants it. 0 or -errno. */
int cgroup_file_write(int dir, const char *name, const char *text);

/* The first number of the file; "max" and "-1" are CGROUP_FILE_NO_LIMIT. -EBADMSG for a text that
 * is no number. */
int cgroup_file_number(int dir, const char *name, uint64_t *ret);

/* The number of the line "key number"; -ENODATA if there is no such line. */
int cgroup_file_key(int dir, const char *name, const char *key, uint64_t *ret);

bool cgroup_file_exists(int dir, const char *name);

/* Parsing alone, for texts that are at hand. */
int cgroup_parse_number(const char *text, uint64_t *ret);
int cgroup_parse_key(const char *text, const char *key, uint64_t *ret);
bool cgroup_has_word(const char *text, const char *word);

/* What is written to a file, and what has to be read from it afterwards. */
struct cgroup_setting {
	const char *field; /* of the policy */
	const char *file;
	const char *text;
	uint64_t expected; /* as number; the file's other numbers have to be as written */
	const char *invalid; /* what EINVAL means here, or NULL */
	const char *remedy;
};

/* Writes the setting and reads it back. dir_path is for the error alone. */
int cgroup_file_set(
	int dir, const char *dir_path, const struct cgroup_setting *setting, ks_error **reterr);

/* A limit counted in pages becomes what the kernel makes of it. */
uint64_t cgroup_round_to_pages(uint64_t bytes);

#endif
