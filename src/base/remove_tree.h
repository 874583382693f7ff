/* SPDX-License-Identifier: Apache-2.0 */
/* Removal of a directory whose names were chosen by a worker: they are taken one at a time beneath
 * an open directory, no link is followed, and depth costs neither memory nor descriptors. Nobody
 * goes up by "..", as a directory may be moved away meanwhile: what is deeper is moved up to the
 * top first. Of what the directory lists each caller has its own reader: init may not allocate. */
#ifndef KS_BASE_REMOVE_TREE_H
#define KS_BASE_REMOVE_TREE_H

#include <stdbool.h>

/* Gives every name of the directory, from its start, to remove_name(), and returns the first
 * directory that this has opened, else -1. *ret_stuck: something is left that cannot be removed. */
typedef int remove_names(int directory, int top, bool *ret_stuck);

/* Opens a directory, also one that its owner has closed to itself. -1 and errno. */
int remove_open(int beneath, const char *name);

/* Removes what is no directory, or an empty one; "." and ".." stay. Any other directory is opened
 * and returned if it is in the top, and moved there if not: -1, as otherwise. Sets *stuck where the
 * name can be neither removed nor opened or moved. */
int remove_name(int directory, int top, const char *name, bool *stuck);

/* Removes all that is in the directory, as far as it goes. The descriptor is taken; -1 is nothing.
 */
void remove_tree(int directory, remove_names *each);

#endif
