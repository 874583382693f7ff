/* SPDX-License-Identifier: Apache-2.0 */
/* What the processes of a jail report, and how: by message only, never on a terminal. Nothing here
 * allocates, so that all of it may be used between fork and exec. */
#ifndef KS_LINUX_INIT_MESSAGE_H
#define KS_LINUX_INIT_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bounds.h"

#define FAILURE_STEP 24

/* Why something did not happen: an errno value, the step, and the object of the step. */
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

/* Like control_send(), but waits while the socket is full, until the other side reads or hangs up.
 */
int message_send(int socket, uint32_t type, int32_t value, const void *data, size_t len);

/* The failure as a message of the given type: value is the errno, data "step NUL detail NUL". */
int failure_send(int socket, uint32_t type, const struct failure *failure);

#endif
