/* SPDX-License-Identifier: Apache-2.0 */
/* What the worker is and its stdio: with the start, or later. Should: be confined before the guest
 * is told of a worker, in whose hands it is from then on. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bounds.h"
#include "vm/machine/confine.h"
#include "vm/machine/keeper.h"
#include "vm/machine/stdio.h"

#define STEP "machine"

static uint8_t room[2][WINDOW_OUT];

int program_text(int fd, size_t max, char **ret_text, size_t *ret_len, struct failure *failure,
	const char *what)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return failure_set(failure, errno, STEP, what);
	if (st.st_size <= 0 || (uint64_t)st.st_size > max)
		return failure_set(failure, EBADMSG, STEP, what);
	*ret_len = (size_t)st.st_size;
	*ret_text = mmap(NULL, *ret_len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (*ret_text == MAP_FAILED)
		return failure_set(failure, errno, STEP, what);
	close(fd);
	return 0;
}

int program_streams(struct keeper *keeper, struct failure *failure)
{
	keeper->input = (struct source){
		.stream = STREAM_STDIN, .from = stdio_open(0), .flow.window = WINDOW_IN};
	for (uint16_t i = 0; i < 2; i++)
		keeper->output[i] = (struct sink){.stream = STREAM_STDOUT + i,
			.to = stdio_open(1 + i),
			.ring = {.bytes = room[i], .size = WINDOW_OUT},
			.flow.window = WINDOW_OUT};
	return confine(keeper->emulator.firecracker, keeper->order->connections, failure);
}

static int take_stdio(struct control_message *message, struct failure *failure)
{
	for (int i = 0; i < 3; i++)
		if (dup2(message->fds[1 + i], i) < 0)
			return failure_set(failure, errno, STEP, "the worker's stdio");
	return 0;
}

void program_take(struct keeper *keeper, struct control_message *message)
{
	struct failure failure = {0};
	char *spec = NULL;
	int r;

	if (!keeper->late || message->n_fds != CONTROL_PROGRAM_FDS) {
		control_message_drop_fds(message);
		keeper_fail(keeper, EPROTO, STEP, "PROGRAM where none is awaited");
		return;
	}
	r = program_text(message->fds[0], KS_MAX_SPEC_BYTES, &spec, &keeper->spec_left, &failure,
		"the specification cannot be read");
	if (r == 0) {
		message->fds[0] = -1;
		r = take_stdio(message, &failure);
	}
	control_message_drop_fds(message);
	if (r == 0)
		r = program_streams(keeper, &failure);
	if (r < 0) {
		keeper->spec_left = 0;
		keeper_fail(keeper, failure.code, failure.step, failure.detail);
		return;
	}
	keeper->spec = spec;
	keeper->late = keeper->set_up = false;
}
