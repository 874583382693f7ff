/* SPDX-License-Identifier: Apache-2.0 */
/* Absolute, normalised paths compared by component, as text: nothing here looks at a file system.
 */
#ifndef KS_PLAN_PATHS_H
#define KS_PLAN_PATHS_H

#include <stdbool.h>

/* Whether the path is in the directory, at any depth, and not the directory itself. */
bool path_beneath(const char *directory, const char *path);

/* The same, or equal. */
bool path_covers(const char *directory, const char *path);

/* An order in which a directory comes right before everything beneath it. */
int path_compare(const char *a, const char *b);

#endif
