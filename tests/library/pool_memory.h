/* SPDX-License-Identifier: Apache-2.0 */
/* The control group of ours that counts the memory of one process. */
#ifndef TESTS_LIBRARY_POOL_MEMORY_H
#define TESTS_LIBRARY_POOL_MEMORY_H

#include <sys/types.h>

/* 0 where it is in none. */
int memory_find(pid_t pid);
/* Leaves it so many bytes more than are in use, as far as the kernel lets anybody. */
void memory_leave(long bytes);

#endif
