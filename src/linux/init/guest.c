/* SPDX-License-Identifier: Apache-2.0 */
/* The first process of a micro-VM's guest. It should: bring up what the worker needs, start the
 * worker's own init, then pass on bytes and messages between that and the channel, and tell the end
 * behind everything else. It must not: wait for one stream where another one could go on, or end,
 * as the kernel would with it. Without a channel there is nobody to tell anything: then it ends the
 * machine. */
#include "linux/init/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "base/clock.h"
#include "linux/control.h"
#include "linux/init/guest_parts.h"
#include "linux/init/message.h"
#include "linux/init/process.h"
#include "vm/channel/inbox.h"
#include "vm/channel/outbox.h"
#include "vm/channel/stream.h"

#define NETWORK_MS 2000 /* for what the ended worker has sent, once it has ended by itself */
#define NETWORK_KILLED_MS 500
#define LAST_MS 10000 /* for the host to end the machine, once all is told */
#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

#define WATCHED 5 /* descriptors, and those of the network */

enum guest_state {
	GUEST_WAITS, /* for its specification */
	GUEST_RUNS,
	GUEST_ENDS, /* the worker has ended; its last bytes are passed on */
	GUEST_OVER,
};

static struct {
	enum guest_state state;
	int channel;
	bool files; /* the tree of the files port is mounted */
	int spec; /* memfd, while it comes */
	int group;
	struct guest_worker worker;
	struct sink input;
	struct source output[2]; /* stdout, stderr */
	struct control_header exit;
	struct control_usage used;
	bool killed;
	int64_t deadline; /* of what its connections hold, once it has ended */
	struct pollfd *watched; /* with a network: room for all that there can be */
	struct inbox inbox;
	struct outbox outbox;
	uint8_t input_room[WINDOW_IN];
} guest;

static void __attribute__((noreturn)) end_machine(void)
{
	for (;;) {
		reboot(RB_AUTOBOOT);
		poll(NULL, 0, 1000);
	}
}

static void tell(const struct control_header *header, const void *data, size_t len)
{
	uint8_t payload[CONTROL_MAX];

	memcpy(payload, header, sizeof(*header));
	if (len)
		memcpy(payload + sizeof(*header), data, len);
	outbox_put(&guest.outbox, FRAME_CONTROL, 0, STREAM_SESSION, payload,
		(uint32_t)(sizeof(*header) + len));
}

static void tell_failure(const struct failure *failure)
{
	const struct control_header header = {.type = CONTROL_FAILED, .value = failure->code};
	char data[FAILURE_STEP + KS_MAX_STEP_TEXT];
	size_t step = strlen(failure->step) + 1;
	size_t detail = strlen(failure->detail) + 1;

	memcpy(data, failure->step, step);
	memcpy(data + step, failure->detail, detail);
	tell(&header, data, step + detail);
	guest.state = GUEST_OVER;
}

static int mount_files(struct failure *failure)
{
	int port = guest_port(FILES_PORT, FILES_NUMBER, failure);
	int r;

	if (port < 0)
		return port;
	r = guest_mount_files(port, GUEST_ROOT);
	close(port);
	guest.files = r == 0;
	return r < 0 ? failure_set(failure, -r, "files", "the tree cannot be mounted") : 0;
}

static void take_setup(const uint8_t *payload)
{
	const struct control_header armed = {.type = CONTROL_ARMED};
	struct channel_setup setup;
	struct failure failure;
	int r;

	memcpy(&setup, payload, sizeof(setup));
	r = guest_refresh(&setup, &failure);
	/* It has waited, and has all but this already. */
	if (r == 0 && guest.spec >= 0)
		return;
	if (r == 0)
		r = guest_network_make(setup.connections, WATCHED, &guest.watched, &failure);
	if (r == 0 && setup.flags & SETUP_FILES)
		r = mount_files(&failure);
	if (r == 0) {
		guest.group = guest_group_make(&setup, &failure);
		r = guest.group < 0 ? guest.group : 0;
	}
	if (r == 0) {
		guest.spec = guest_raise(memfd_create("spec", MFD_CLOEXEC | MFD_ALLOW_SEALING));
		if (guest.spec < 0)
			r = failure_set(&failure, errno, "guest", "memfd");
	}
	if (r < 0)
		tell_failure(&failure);
	else if (setup.flags & SETUP_WAIT)
		tell(&armed, NULL, 0);
}

static void open_streams(void)
{
	guest.input = (struct sink){.stream = STREAM_STDIN,
		.to = {guest.worker.streams[0], ENDPOINT_OWN},
		.ring = {.bytes = guest.input_room, .size = WINDOW_IN},
		.flow.window = WINDOW_IN,
		.waits = guest.worker.terminal};
	for (uint16_t i = 0; i < 2; i++)
		guest.output[i] = (struct source){.stream = STREAM_STDOUT + i,
			.from = {guest.worker.streams[1 + i], ENDPOINT_OWN},
			.flow.window = WINDOW_OUT};
}

static int write_all(int fd, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0)
			return -errno;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

static void take_spec(const struct frame_header *header, const uint8_t *payload)
{
	struct failure failure;
	int r = write_all(guest.spec, payload, header->len);

	if (r == 0 && header->flags & FRAME_MORE)
		return;
	if (r == 0 && fcntl(guest.spec, F_ADD_SEALS, SEALS) < 0)
		r = -errno;
	if (r < 0)
		failure_set(&failure, -r, "guest", "the specification cannot be kept");
	else
		r = guest_worker_start(guest.spec, guest.files, &guest.worker, &failure);
	guest.spec = -1;
	if (r < 0) {
		tell_failure(&failure);
		return;
	}
	open_streams();
	guest.state = GUEST_RUNS;
}

static void take_control(const struct frame_header *header, const uint8_t *payload)
{
	struct control_header control;

	memcpy(&control, payload, sizeof(control));
	if (guest.state != GUEST_RUNS)
		return;
	guest.killed |= control.type == CONTROL_KILL;
	/* What follows an init that is gone is its hang-up. */
	if (control.type == CONTROL_GO)
		control_send(guest.worker.control, CONTROL_GO, 0, NULL, 0, &guest.group, 1);
	else
		message_send(guest.worker.control, control.type, control.value,
			payload + sizeof(control), header->len - sizeof(control));
}

static void take_stream(const struct frame_header *header, const uint8_t *payload)
{
	struct source *source = &guest.output[header->stream == STREAM_STDERR];
	uint32_t len;

	if (guest.state == GUEST_WAITS)
		return;
	if (header->type == FRAME_DATA && !sink_take(&guest.input, payload, header->len))
		end_machine();
	if (header->type == FRAME_EOF)
		sink_end(&guest.input);
	if (header->type == FRAME_RESET)
		source_reset(source);
	if (header->type == FRAME_WINDOW) {
		memcpy(&len, payload, sizeof(len));
		if (!flow_given_back(&source->flow, len))
			end_machine();
	}
}

static void take_frame(const struct frame_header *header, const uint8_t *payload)
{
	if (header->stream >= CONNECTION_FIRST || header->type == FRAME_ANSWER) {
		if (!guest_network_take(header, payload))
			end_machine();
	} else if (header->stream != STREAM_SESSION)
		take_stream(header, payload);
	else if (header->type == FRAME_CONTROL)
		take_control(header, payload);
	else if (header->type == FRAME_SETUP && guest.state == GUEST_WAITS)
		take_setup(payload);
	else if (header->type == FRAME_SPEC && guest.state == GUEST_WAITS && guest.spec >= 0)
		take_spec(header, payload);
}

/* The host keeps its word, or there is nobody to talk to. */
static void on_channel(void)
{
	struct frame_header header;
	const uint8_t *payload = NULL;
	const char *fault = NULL;
	size_t room = 0;
	uint8_t *bytes = inbox_free(&guest.inbox, &room);
	ssize_t len = read(guest.channel, bytes, room);
	int r;

	if (len == 0 || (len < 0 && errno != EAGAIN))
		end_machine();
	if (len < 0)
		return;
	inbox_filled(&guest.inbox, (size_t)len);
	while ((r = inbox_next(&guest.inbox, TO_GUEST, &header, &payload, &fault)) == 1)
		take_frame(&header, payload);
	if (r < 0)
		end_machine();
}

/* The master of the worker's terminal: with the last of its two descriptors the worker is hung up,
 * and it ends with the worker. There is no stderr beside it. */
static void take_terminal(int master)
{
	int fd = guest_raise(fcntl(master, F_DUPFD_CLOEXEC, 0));
	int other = guest_raise(fcntl(master, F_DUPFD_CLOEXEC, 0));

	if (!guest.worker.terminal || fd < 0 || other < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		end_machine();
	guest.output[0].from.fd = fd;
	sink_open(&guest.input, (struct endpoint){other, ENDPOINT_OWN});
	source_end(&guest.output[1], &guest.outbox);
}

/* What the worker's init says, which is ours. */
static void on_init(void)
{
	struct control_message message;
	struct failure failure;
	int r = control_receive(guest.worker.control, &message);

	if (r == 0)
		return;
	if (r < 0) {
		failure_set(&failure, -r, "guest", "the worker's init is gone");
		tell_failure(&failure);
		return;
	}
	if (message.header.type == CONTROL_TTY) {
		if (message.n_fds == 1)
			take_terminal(message.fds[0]);
		control_message_drop_fds(&message);
		return;
	}
	control_message_drop_fds(&message);
	if (message.header.type != CONTROL_EXIT) {
		tell(&message.header, message.data, message.len);
		if (message.header.type == CONTROL_FAILED)
			guest.state = GUEST_OVER;
		return;
	}
	guest.exit = message.header;
	memcpy(&guest.used, message.data, sizeof(guest.used));
	guest.deadline = clock_ms() + (guest.killed ? NETWORK_KILLED_MS : NETWORK_MS);
	guest.state = GUEST_ENDS;
}

/* Behind the last byte of both streams and of all connections, and only with room for both
 * messages. */
static void tell_end(void)
{
	struct channel_usage usage;

	if (!guest.output[0].ended || !guest.output[1].ended ||
		(!guest_network_is_quiet() && clock_ms() < guest.deadline) ||
		!outbox_has_room(&guest.outbox, CONTROL_MAX + FRAME_HEADER + sizeof(usage)))
		return;
	guest_group_usage(&usage);
	outbox_put(&guest.outbox, FRAME_USAGE, 0, STREAM_SESSION, &usage, sizeof(usage));
	tell(&guest.exit, &guest.used, sizeof(guest.used));
	guest.state = GUEST_OVER;
}

static void flush(void)
{
	while (!outbox_is_empty(&guest.outbox)) {
		size_t len = 0;
		const uint8_t *bytes = outbox_bytes(&guest.outbox, &len);
		ssize_t n = write(guest.channel, bytes, len);

		if (n <= 0)
			return;
		outbox_left(&guest.outbox, (size_t)n);
	}
}

/* All that can be done without waiting. */
static void advance(void)
{
	if (guest.state == GUEST_RUNS || guest.state == GUEST_ENDS) {
		for (int i = 0; i < 2; i++)
			source_pump(&guest.output[i], &guest.outbox);
		sink_speak(&guest.input, &guest.outbox);
		guest_network_speak(&guest.outbox);
	}
	if (guest.state == GUEST_ENDS)
		tell_end();
	flush();
}

static bool can_pump(int i)
{
	return guest.state != GUEST_WAITS && guest.state != GUEST_OVER &&
	       source_wants(&guest.output[i], &guest.outbox);
}

/* Until something comes that is not polled for. */
static int patience(void)
{
	int64_t left = guest.deadline - clock_ms();

	if (guest.state == GUEST_OVER && outbox_is_empty(&guest.outbox))
		return LAST_MS;
	return guest.state == GUEST_ENDS && left > 0 && !guest_network_is_quiet() ? (int)left : -1;
}

static size_t watch(struct pollfd *fds)
{
	bool runs = guest.state == GUEST_RUNS;
	const struct pollfd own[WATCHED] = {
		{guest.channel, outbox_is_empty(&guest.outbox) ? POLLIN : POLLIN | POLLOUT, 0},
		{runs && outbox_has_room(&guest.outbox, CONTROL_MAX) ? guest.worker.control : -1,
			POLLIN, 0},
		{can_pump(0) ? guest.output[0].from.fd : -1, POLLIN, 0},
		{can_pump(1) ? guest.output[1].from.fd : -1, POLLIN, 0},
		{runs ? guest.input.to.fd : -1, runs ? sink_events(&guest.input) : 0, 0},
	};

	memcpy(fds, own, sizeof(own));
	return runs || guest.state == GUEST_ENDS ? guest_network_watch(&guest.outbox, fds, WATCHED)
						 : WATCHED;
}

static void serve(void)
{
	struct pollfd few[WATCHED];
	struct pollfd *fds = guest.watched ? guest.watched : few;
	size_t count = watch(fds);

	if (poll(fds, count, patience()) == 0 && guest.state == GUEST_OVER)
		end_machine();
	if (count > WATCHED)
		guest_network_react(fds, &guest.outbox);
	if (fds[4].revents)
		sink_polled(&guest.input, fds[4].revents);
	if (fds[1].revents)
		on_init();
	if (fds[0].revents & POLLHUP)
		end_machine();
	if (fds[0].revents & POLLIN)
		on_channel();
}

int guest_main(void)
{
	const uint32_t version = CHANNEL_VERSION;
	struct failure failure;

	signals_settle();
	guest.spec = -1;
	if (guest_boot(&failure) < 0)
		end_machine();
	guest.channel = guest_port(CHANNEL_PORT, CHANNEL_NUMBER, &failure);
	if (guest.channel < 0)
		end_machine();
	outbox_put(&guest.outbox, FRAME_HELLO, 0, STREAM_SESSION, &version, sizeof(version));
	for (;;) {
		advance();
		serve();
	}
}
