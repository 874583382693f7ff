/* SPDX-License-Identifier: Apache-2.0 */
/* The names of one worker on the host, all made of one that nobody else draws. */
#ifndef KS_MACOS_APPLY_NAMES_H
#define KS_MACOS_APPLY_NAMES_H

#include <stdbool.h>

#define DRAWN_NAME 48
#define DRAWN_PATH 96 /* less than a unix socket's name may have */

struct worker_names {
	char drawn[DRAWN_NAME]; /* "kastellan-" and 32 digits: also of its machine */
	char directory[DRAWN_PATH]; /* its own */
	char door[DRAWN_PATH]; /* the directory of the egress proxy's socket; of a machine the same
				*/
	char socket[DRAWN_PATH];
	char record[DRAWN_PATH]; /* record.h */
};

/* 0 or -errno. */
int names_draw(bool machine, struct worker_names *ret);

/* The drawn name that a record's file is called by. False where it is no such name. */
bool names_read(const char *file, char ret_drawn[DRAWN_NAME]);
void names_fill(const char *drawn, bool machine, struct worker_names *ret);

#endif
