/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/status.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "cli/options.h"

static int open_number(const char *digits, const char *where, int *ret_fd, ks_error **reterr)
{
	uint64_t number;
	int fd;

	if (parse_number(digits, &number) < 0 || number > INT_MAX)
		return error_set(reterr, -EINVAL,
			ABOUT(.step = "usage", .remedy = "write fd:3 and open it: 3>status.json"),
			"--status: \"%s\" is not a descriptor", where);
	fd = fcntl((int)number, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return error_set(reterr, -errno,
			ABOUT(.step = "status", .path = where,
				.remedy = "open it for kastellan: 3>status.json"),
			"--status: descriptor %s is not open", digits);
	*ret_fd = fd;
	return 0;
}

int status_open(const char *where, int *ret_fd, ks_error **reterr)
{
	int fd;

	if (!where) {
		*ret_fd = -1;
		return 0;
	}
	if (strncmp(where, "fd:", 3) == 0)
		return open_number(where + 3, where, ret_fd, reterr);
	/* A FIFO without a reader would block the open; it is an error instead (ENXIO). */
	fd = open(where, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
	if (fd < 0 && errno == ENXIO)
		return error_set(reterr, -ENXIO,
			ABOUT(.step = "status", .path = where,
				.remedy = "start its reader first, or name a plain file"),
			"--status: %s has no reader", where);
	if (fd >= 0)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	if (fd < 0)
		return error_set(reterr, -errno,
			ABOUT(.step = "status", .path = where,
				.remedy = "name a file in a directory that you may write"),
			"--status: \"%s\" cannot be written: %s", where, strerror(errno));
	*ret_fd = fd;
	return 0;
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
