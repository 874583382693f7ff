/* SPDX-License-Identifier: Apache-2.0 */
/* Open files and directories by the numbers that the guest was given for them: places in a table,
 * never descriptors, and not those of another time. Pure. */
#ifndef KS_VM_FILES_HANDLES_H
#define KS_VM_FILES_HANDLES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bounds.h"

struct handle {
	uint64_t node; /* id: a handle is good for its own file alone */
	int64_t position; /* of a directory: where its next entry is read */
	uint32_t generation;
	uint32_t next_free;
	int fd; /* -1: the place is free */
	bool directory;
	bool append;
};

struct handles {
	struct handle *table;
	uint32_t room;
	uint32_t made;
	uint32_t free; /* index + 1 */
	uint32_t count;
};

/* Room for that many. 0 or -ENOMEM. */
int handles_start(struct handles *handles, uint32_t room);
void handles_end(struct handles *handles);

/* Takes the descriptor: returns the number, or 0 where the table is full. */
uint64_t handles_add(struct handles *handles, const struct handle *handle);
/* The handle of that number, of that node and kind; NULL for any other. */
struct handle *handles_get(struct handles *handles, uint64_t number, uint64_t node, bool directory);
/* Whether that node has any. */
bool handles_has(const struct handles *handles, uint64_t node);
/* Frees the place; returns the descriptor to close. */
int handles_remove(struct handles *handles, struct handle *handle);

#endif
