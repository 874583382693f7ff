/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of one backend share: PROGRAM BACKEND [FIELD,... [COUNT]], the fields may be
 * degraded, and no more than so many tests are run. */
#ifndef TESTS_LIBRARY_SUITE_H
#define TESTS_LIBRARY_SUITE_H

#include <kastellan/kastellan.h>

#include "check.h"

extern ks_backend *backend;
extern unsigned degraded;

/* 0, or the arguments are none. No test may take longer than all of them should. */
int suite_begin(const char *name, int argc, char **argv);
/* The exit status. */
int suite_end(void);

/* One line of TAP: function returns 1 where all is well. */
void test(const char *name, int (*function)(void));

/* Errors as comments; frees them. */
void say(ks_error *error);

#endif
