/* SPDX-License-Identifier: Apache-2.0 */
/* Why something did not happen, as text of a fixed size: nothing here allocates or calls the
 * kernel, so that all of it may be used between fork and exec. */
#ifndef KS_LINUX_INIT_FAILURE_H
#define KS_LINUX_INIT_FAILURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bounds.h"

#define FAILURE_STEP 24

/* An errno value, the step, and the object of the step. */
struct failure {
	int code;
	char step[FAILURE_STEP];
	char detail[KS_MAX_STEP_TEXT];
};

/* Fills *ret and returns -code, so that `return failure_set(...)` is the whole error path. A detail
 * that is too long is cut and ends in "...". */
int failure_set(struct failure *ret, int code, const char *step, const char *detail);
/* Lengthen the detail. */
void failure_add(struct failure *failure, const char *more);
void failure_add_number(struct failure *failure, uint64_t number);

/* Decimal digits and a NUL; room for 21 bytes is always enough. Returns text. */
#define NUMBER_TEXT 21
char *number_text(uint64_t number, char text[NUMBER_TEXT]);

#endif
