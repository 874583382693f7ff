/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as the policy wants it: shortest form, no surrogates, nothing past U+10FFFF. */
#ifndef KS_BASE_UTF8_H
#define KS_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Length of the character at the front of the bytes, 1 to 4; 0 where they are not UTF-8. */
size_t utf8_step(const char *bytes, size_t len);

/* How many bytes at the front are UTF-8: len when all are. */
size_t utf8_prefix(const char *bytes, size_t len);

/* Offset of the first control character (C0, DEL or C1) of valid UTF-8; len when there is none. */
size_t utf8_find_control(const char *bytes, size_t len);

#endif
