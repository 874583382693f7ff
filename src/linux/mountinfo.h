/* SPDX-License-Identifier: Apache-2.0 */
/* The text of /proc/self/mountinfo, a line at a time. Pure. */
#ifndef KS_LINUX_MOUNTINFO_H
#define KS_LINUX_MOUNTINFO_H

#include <stdbool.h>
#include <stddef.h>

/* A part of the text, as it stands there. */
struct span {
	const char *start;
	size_t len;
};

/* The fields of a line that anybody here asks for. */
struct mount_line {
	struct span root;
	struct span point;
	struct span type;
	struct span super; /* options of the file system */
};

/* The next well-formed line at *cursor whose type is wanted; *cursor moves behind it. false at the
 * end. The others, of which a host may have hundreds, are not taken apart. */
bool mountinfo_next_of(
	const char **cursor, bool (*wanted)(struct span type), struct mount_line *ret_line);

bool span_is(struct span span, const char *text);

/* The path that a field stands for: the kernel writes blanks and backslashes as three octal digits.
 * Free with free(). NULL = out of memory. */
char *mountinfo_path(struct span field);

#endif
