/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_API_TEXT_FILE_H
#define KS_API_TEXT_FILE_H

#include <stddef.h>

#include <kastellan/error.h>

/* Reads a file to its end, or to one byte past KS_MAX_POLICY_BYTES, which the parser then refuses.
 * noun is what the file is ("policy"). Free the text with free(). Returns 0, the errno of opening
 * or reading, or -ENOMEM. */
int text_file_read(
	const char *path, const char *noun, char **ret_text, size_t *ret_len, ks_error **reterr);

#endif
