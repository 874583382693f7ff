/* SPDX-License-Identifier: Apache-2.0 */
/* International host names. Which characters a name may have, in which order and direction, is
 * Unicode's to say; libidn2 knows. It is loaded when a policy holds such a name, and never before:
 * no start of a program pays for it, and nothing links it. */
#ifndef KS_POLICY_IDN_H
#define KS_POLICY_IDN_H

#include <stddef.h>

/* The A-labels ("xn--...") of a name in UTF-8, by the strict rules of IDNA 2008 (RFC 5891): nothing
 * is mapped but to NFC, so that "evil．example" with its wide dot is no name, instead of two
 * labels. 0; -ENOSYS where libidn2 is not installed; -EINVAL for what is no name; -ENOMEM.
 * Thread-safe. */
int idn_to_ascii(const char *name, size_t len, char *ret_ascii, size_t room);

#endif
