/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_CACHE_PLACE_H
#define TESTS_UNIT_CACHE_PLACE_H

/* A cache of one test's own, which KASTELLAN_CACHE names. */
struct place {
	char path[64];
	int cache;
};

/* Set-up and teardown of cmocka: *state is a struct place. */
int make_place(void **state);
int remove_place(void **state);

/* How many files of it have names that begin so. */
unsigned count_files(const struct place *place, const char *prefix);

#endif
