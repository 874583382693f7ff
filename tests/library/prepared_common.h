/* SPDX-License-Identifier: Apache-2.0 */
/* A place with what is granted, and jails that wait for it. */
#ifndef TESTS_LIBRARY_PREPARED_COMMON_H
#define TESTS_LIBRARY_PREPARED_COMMON_H

#include "suite.h"

extern char place[]; /* read/ and write/ are granted, secret is not */

/* 0 or -1. */
int make_place(void);
void remove_place(void);

/* A path in it; four are kept at a time. */
const char *in_place(const char *name);

/* 1, or 0 where it cannot be written. */
int write_text(const char *path, const char *text);

/* So many jails wait, for a policy that grants write/, and read/ or what is named in its stead.
 * NULL where they do not. */
ks_prepared *prepare(size_t ahead);
ks_prepared *prepare_for(const char *read, size_t ahead);

/* What a script says on stdout, and how it ended: "text[exit 0]". Kept until the next one. */
const char *run(ks_prepared *prepared, const char *script);

/* Whether that is what is wanted: 1 or 0, with a comment. */
int says(ks_prepared *prepared, const char *script, const char *wanted);

#endif
