/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the workers share: a manager with the one tool "t", which runs the probe, and
 * requests to it. */
#ifndef TESTS_LIBRARY_WORKERS_H
#define TESTS_LIBRARY_WORKERS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <kastellan/kastellan.h>

#include "check.h"

struct test {
	const char *name;
	int (*run)(void); /* 1 = good */
};

#define TEST(name)          \
	{                   \
#name, name \
	}

extern ks_backends *backends;
extern unsigned degraded;

/* Runs all, or those that the environment's KASTELLAN_TEST names a part of; checks after each that
 * no process is left. */
int run_tests(int argc, char **argv, const struct test *tests, size_t n);

/* A manifest of the tool "t"; members as {"program": ...} has them. Without a program it is the
 * probe. */
ks_tools *manifest(const char *members);

/* A manager for it; options NULL: short pauses. NULL, and the errors as comments, on failure. */
ks_workers *manager(const struct ks_workers_options *options, const char *members);

/* A request of the probe's: method, and params as JSON or "". The result's text goes to room. */
enum ks_fault ask(ks_workers *workers, const char *method, const char *params,
	const struct ks_call_options *options, char *room, size_t size);
/* The same for what has to fail; reterr may be NULL. */
enum ks_fault ask_error(ks_workers *workers, const char *method, const char *params,
	const struct ks_call_options *options, ks_error **reterr);
/* 1 when the result is what is wanted. */
int says(ks_workers *workers, const char *method, const char *params, const char *wanted);

struct ks_workers_status status_of(ks_workers *workers);

/* Waits until the condition holds for the number. */
int eventually(ks_workers *workers, int ms,
	int (*condition)(const struct ks_workers_status *status, uint64_t number), uint64_t number);
int is_ended(const struct ks_workers_status *status, uint64_t number);
int has_jails(const struct ks_workers_status *status, uint64_t number);
int is_waiting(const struct ks_workers_status *status, uint64_t number);
int is_busy(const struct ks_workers_status *status, uint64_t number);

long now_ms(void);
void sleep_ms(long ms);

#endif
