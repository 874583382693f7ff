/* SPDX-License-Identifier: Apache-2.0 */
/* What a channel writes to its worker: lines are put into a buffer of bounded length, and as much
 * of it is written as the worker takes without being waited for. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/uio.h>
#include <time.h>

#include "workers/channel.h"

bool channel_pending(const struct channel *channel)
{
	return channel->written < channel->output.len;
}

/* What the worker does not read is not collected without end. */
static bool has_room(const struct channel *channel)
{
	return channel->output.len - channel->written <= channel->max_message * 2;
}

/* A line that there is no memory for is not begun. */
static int end_line(struct strbuf *output, size_t before)
{
	strbuf_putc(output, '\n');
	if (output->error)
		output->len = before;
	return output->error;
}

int channel_put(
	struct channel *channel, const struct message *message, const char *id, size_t id_len)
{
	struct strbuf *output = &channel->output;
	size_t before = output->len;

	if (!has_room(channel))
		return -EMSGSIZE;
	message_add(message, id, id_len, output);
	return end_line(output, before);
}

int channel_refuse(struct channel *channel, const struct message *request)
{
	static const char front[] = "{\"jsonrpc\":\"2.0\",\"id\":";
	static const char refused[] = ",\"error\":{\"code\":-32601,\"message\":\"method not "
				      "found\"}}";
	bool ping = message_method_is(request, "ping");
	const char *back = ping ? ",\"result\":{}}" : refused;
	struct strbuf *output = &channel->output;
	size_t before = output->len;

	if (!has_room(channel))
		return -EMSGSIZE;
	strbuf_puts(output, front);
	strbuf_add(output, request->text + request->id.at, request->id.end - request->id.at);
	strbuf_puts(output, back);
	return end_line(output, before);
}

/* From Linux 6.18 on; elsewhere -EOPNOTSUPP. */
#define QUIETLY 0x100 /* RWF_NOSIGNAL */

/* A write to a worker that is gone is an error here, and no signal to the caller's program: it is
 * blocked meanwhile, and taken back if it was not pending before. */
static ssize_t write_with_signal_blocked(int fd, const struct iovec *bytes)
{
	const struct timespec at_once = {0};
	sigset_t pipe, before, pending;
	ssize_t written;
	int saved;

	sigemptyset(&pipe);
	sigemptyset(&pending);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, &before);
	/* One that is not blocked does not stay pending. */
	if (sigismember(&before, SIGPIPE))
		sigpending(&pending);
	written = writev(fd, bytes, 1);
	saved = errno;
	if (written < 0 && saved == EPIPE && !sigismember(&pending, SIGPIPE))
		while (sigtimedwait(&pipe, NULL, &at_once) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = saved;
	return written;
}

static ssize_t write_quietly(int fd, const char *bytes, size_t len)
{
	static atomic_bool unknown;
	const struct iovec part = {(char *)bytes, len};
	ssize_t written = -1;

	errno = EOPNOTSUPP;
	if (!atomic_load_explicit(&unknown, memory_order_relaxed))
		written = pwritev2(fd, &part, 1, -1, QUIETLY);
	if (written >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL))
		return written;
	atomic_store_explicit(&unknown, true, memory_order_relaxed);
	return write_with_signal_blocked(fd, &part);
}

void channel_flush(struct channel *channel)
{
	struct strbuf *output = &channel->output;

	while (channel->in >= 0 && channel_pending(channel)) {
		ssize_t n = write_quietly(channel->in, output->data + channel->written,
			output->len - channel->written);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			channel->unheard = channel->written == 0;
			channel_close_input(channel);
			channel->deaf = true;
		}
		if (n < 0)
			return;
		channel->written += (size_t)n;
	}
	if (!channel_pending(channel))
		output->len = channel->written = 0;
}
