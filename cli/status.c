/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/status.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "cli/output.h"

int status_open(const char *where, int *ret_fd, ks_error **reterr)
{
	return output_open(&(struct output){.option = "--status", .where = where}, ret_fd, reterr);
}

int status_write(int fd, const ks_outcome *outcome, ks_error **reterr)
{
	char *text = NULL;
	int r;

	if (fd < 0)
		return 0;
	r = ks_outcome_json(outcome, &text);
	if (r == 0)
		r = file_write_all(fd, text, strlen(text));
	if (r == 0)
		r = file_write_all(fd, "\n", 1);
	free(text);
	if (r < 0)
		return error_set(reterr, r, ABOUT(.step = "status"),
			"--status: the outcome cannot be written: %s", strerror(-r));
	return 0;
}
