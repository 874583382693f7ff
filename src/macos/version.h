/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_MACOS_VERSION_H
#define KS_MACOS_VERSION_H

/* Compares versions such as "0.12.0" and "1.2" number by number; what is missing is 0, and whatever
 * follows the numbers ("-beta") is not looked at. Below 0, 0, above 0. */
int version_compare(const char *a, const char *b);

#endif
