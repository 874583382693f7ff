/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/machine/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct endpoint stdio_open(int fd)
{
	char path[] = "/proc/self/fd/0";
	struct endpoint endpoint = {.fd = fd, .kind = ENDPOINT_SHARED};
	struct stat st;
	int again;

	/* Of what kind it is may not be told; that is no reason to lose what the worker writes. */
	if (fstat(fd, &st) < 0) {
		endpoint.fd = errno == EBADF ? -1 : fd;
		return endpoint;
	}
	if (S_ISSOCK(st.st_mode))
		endpoint.kind = ENDPOINT_SOCKET;
	else if (S_ISREG(st.st_mode))
		endpoint.kind = ENDPOINT_OWN; /* never blocks */
	if (!S_ISFIFO(st.st_mode))
		return endpoint;
	path[sizeof(path) - 2] = (char)('0' + fd);
	again = open(path, (fd == 0 ? O_RDONLY : O_WRONLY) | O_NONBLOCK | O_CLOEXEC);
	if (again < 0)
		return endpoint;
	close(fd);
	endpoint.fd = again;
	endpoint.kind = ENDPOINT_OWN;
	return endpoint;
}
