/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop of `kastellan run`: the child, the caller's signals, and a terminal's two sides.
 */
#ifndef KS_CLI_LOOP_H
#define KS_CLI_LOOP_H

#include <stdbool.h>

#include <kastellan/kastellan.h>

/* Of a program with many workers, each of which takes some twenty descriptors: as many as the hard
 * limit allows. Workers have limits of their own. */
void loop_allow_descriptors(void);

/* The size of the terminal on stdin or stdout, 0x0 where there is none. */
void terminal_size(uint16_t *ret_rows, uint16_t *ret_columns);

/* Runs until the outcome is there. */
int loop_run(ks_child *child, int signals, bool terminal, ks_error **reterr);

#endif
