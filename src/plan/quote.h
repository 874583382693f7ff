/* SPDX-License-Identifier: Apache-2.0 */
/* Text of others made safe to show: names may hold anything but NUL. */
#ifndef KS_PLAN_QUOTE_H
#define KS_PLAN_QUOTE_H

#include "base/strbuf.h"

/* Appends the text as a shell would take it back: as it is where that is plain, else quoted, and
 * with escapes ($'...') where it holds control characters or bytes that are not UTF-8. */
void quote_shell(struct strbuf *out, const char *text);

#endif
