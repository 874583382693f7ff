/* SPDX-License-Identifier: Apache-2.0 */
/* Firecracker's exit codes: FcExitCode of src/vmm/src/lib.rs. */
#include "vm/machine/firecracker_exit.h"

#include <errno.h>
#include <stddef.h>

static const struct {
	int status;
	int code;
	const char *words;
} exits[] = {
	{0, ECONNRESET, "the guest ended the machine"},
	{1, ECONNRESET, "it could not make the machine, or go on with it"},
	{2, ECONNRESET, "an error that it takes for impossible"},
	{148, EPERM, "its own filter refused it a system call"},
	{149, ENOMEM, "SIGBUS: the host had no memory for the guest"},
	{150, ECONNRESET, "SIGSEGV"},
	{151, EFBIG, "SIGXFSZ: a limit of the caller's on the size of files"},
	{152, EINVAL, "it refuses its configuration"},
	{153, EINVAL, "it refuses its arguments"},
	{154, ETIME, "SIGXCPU: a limit of the caller's on processor time"},
	{155, EPIPE, "SIGPIPE"},
	{156, ECONNRESET, "SIGHUP"},
	{157, EOPNOTSUPP, "SIGILL"},
};

const char *firecracker_exit(int status, int *ret_errno)
{
	for (size_t i = 0; i < sizeof(exits) / sizeof(exits[0]); i++) {
		if (exits[i].status != status)
			continue;
		*ret_errno = exits[i].code;
		return exits[i].words;
	}
	return NULL;
}
