/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <libproc.h>
#include <mach/mach.h>
#include <stdlib.h>
#include <sys/clonefile.h>
#include <sys/mman.h>
#include <sys/proc_info.h>
#include <sys/stat.h>
#include <sys/sysctl.h>
#include <unistd.h>

#include "platform.h"

/* <servers/bootstrap.h> is not part of every SDK. */
extern kern_return_t bootstrap_look_up(mach_port_t port, const char *name, mach_port_t *service);
extern mach_port_t bootstrap_port;

bool platform_clone(char **arguments)
{
	return clonefile(arguments[0], arguments[1], 0) == 0;
}

bool platform_service(char **arguments)
{
	mach_port_t service = MACH_PORT_NULL;

	if (bootstrap_look_up(bootstrap_port, arguments[0], &service) == KERN_SUCCESS)
		return true;
	errno = EPERM;
	return false;
}

bool platform_code(char **arguments)
{
	(void)arguments;
	return mmap(NULL, 16384, PROT_READ | PROT_WRITE | PROT_EXEC,
		       MAP_PRIVATE | MAP_ANON | MAP_JIT, -1, 0) != MAP_FAILED;
}

bool platform_sysctl(char **arguments)
{
	char value[4096];
	size_t len = sizeof(value);

	return sysctlbyname(arguments[0], value, &len, NULL, 0) == 0;
}

bool platform_process(char **arguments)
{
	struct proc_bsdinfo info;

	return proc_pidinfo(atoi(arguments[0]), PROC_PIDTBSDINFO, 0, &info, sizeof(info)) ==
	       sizeof(info);
}

bool platform_flags(char **arguments)
{
	return chflags(arguments[0], UF_IMMUTABLE) == 0;
}
