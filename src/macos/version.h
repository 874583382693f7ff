/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_MACOS_VERSION_H
#define KS_MACOS_VERSION_H

#include <stdbool.h>

/* Whether the text is a version: one to four numbers ("0.12.0", "15"), and behind them at most a
 * mark ("-beta.1", "+build"). What is none is never compared. */
bool version_known(const char *text);

/* Compares versions number by number; what is missing is 0. With the same numbers, one before its
 * release ("0.12.0-beta") is older than that. Below 0, 0, above 0. */
int version_compare(const char *a, const char *b);

#endif
