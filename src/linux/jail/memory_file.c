/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/jail/memory_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

/* Not executable where the kernel can say so; older kernels do not know the flag. */
static int open_memfd(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd;
}

int memory_file(const char *name, const void *data, size_t len)
{
	struct rlimit size;
	autofd int fd = -1;
	int r;

	if (getrlimit(RLIMIT_FSIZE, &size) == 0 && len > size.rlim_cur)
		return -EFBIG;
	fd = open_memfd(name);
	if (fd < 0)
		return -errno;
	r = file_write_all(fd, data, len);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) <
			0)
		return -errno;
	return take_fd(&fd);
}
