/* SPDX-License-Identifier: Apache-2.0 */
/* What a short-lived program of the system says. */
#ifndef KS_MACOS_APPLY_ANSWER_H
#define KS_MACOS_APPLY_ANSWER_H

#include <stddef.h>

/* Starts the program with an environment of HOME alone, no input and no descriptor of ours, reads
 * what it writes (the first size - 1 bytes; NUL-terminated in any case) and waits, at most
 * that many milliseconds. 0 where it ended with status 0, else -errno or its status. */
#define ANSWER_MS 10000 /* for what only tells something */
int answer_of(const char *path, const char *const *argv, unsigned ms, char *text, size_t size);

#endif
