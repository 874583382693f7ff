/* SPDX-License-Identifier: Apache-2.0 */
/* The directories that are made for a worker. */
#ifndef KS_MACOS_APPLY_DIRECTORY_H
#define KS_MACOS_APPLY_DIRECTORY_H

/* Makes one that nobody else may enter; removes one with all in it, and follows no link: one that
 * is not there is removed already. 0 or -errno. */
int directory_make(const char *path);
int directory_remove(const char *path);

#endif
