/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/options.h"

static int open_number(
	const struct output *output, const char *digits, int *ret_fd, ks_error **reterr)
{
	uint64_t number;
	int fd;

	if (parse_number(digits, &number) < 0 || number > INT_MAX)
		return error_set(reterr, -EINVAL,
			ABOUT(.step = "usage", .remedy = "write fd:3 and open it: 3>file.json"),
			"%s: \"%s\" is not a descriptor", output->option, output->where);
	fd = fcntl((int)number, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return error_set(reterr, -errno,
			ABOUT(.step = "output", .path = output->where,
				.remedy = "open it for kastellan: 3>file.json"),
			"%s: descriptor %s is not open", output->option, digits);
	*ret_fd = fd;
	return 0;
}

int output_open(const struct output *output, int *ret_fd, ks_error **reterr)
{
	const char *where = output->where;
	int end = output->keep ? O_APPEND : O_TRUNC;
	int fd;

	if (!where) {
		*ret_fd = -1;
		return 0;
	}
	if (strncmp(where, "fd:", 3) == 0)
		return open_number(output, where + 3, ret_fd, reterr);
	/* A FIFO without a reader would block the open; it is an error instead (ENXIO). */
	fd = open(where, O_WRONLY | O_CREAT | end | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
	if (fd < 0 && errno == ENXIO)
		return error_set(reterr, -ENXIO,
			ABOUT(.step = "output", .path = where,
				.remedy = "start its reader first, or name a plain file"),
			"%s: %s has no reader", output->option, where);
	if (fd >= 0)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	if (fd < 0)
		return error_set(reterr, -errno,
			ABOUT(.step = "output", .path = where,
				.remedy = "name a file in a directory that you may write"),
			"%s: \"%s\" cannot be written: %s", output->option, where, strerror(errno));
	*ret_fd = fd;
	return 0;
}
