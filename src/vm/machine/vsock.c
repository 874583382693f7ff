/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/machine/vsock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vm/channel/frame.h"
#include "vm/machine/order.h"

#define STEP "machine"
#define ROOM 262144u /* each way; a power of two */

static uint8_t room[2][ROOM];
static uint8_t piece[65536];

void vsock_init(struct vsock *vsock)
{
	memset(vsock->fds, -1, sizeof(vsock->fds));
	vsock->up = (struct ring){.bytes = room[0], .size = ROOM};
	vsock->down = (struct ring){.bytes = room[1], .size = ROOM};
}

/* "/run/vsock_1024" */
static int name_door(const char *path, unsigned port, struct sockaddr_un *ret)
{
	char number[NUMBER_TEXT];
	size_t len = strlen(path);
	size_t number_len = strlen(number_text(port, number));

	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (len + 1 + number_len >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	memcpy(ret->sun_path, path, len);
	ret->sun_path[len] = '_';
	memcpy(ret->sun_path + len + 1, number, number_len);
	return 0;
}

static int raise_fd(int fd)
{
	int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, MACHINE_FIRST_FD);

	if (fd >= 0)
		close(fd);
	return high;
}

static int open_door(const char *path, unsigned port, int *ret_fd, struct failure *failure)
{
	struct sockaddr_un address;
	int r = name_door(path, port, &address);

	if (r < 0)
		return failure_set(failure, -r, STEP, path);
	*ret_fd = raise_fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	if (*ret_fd < 0 || bind(*ret_fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(*ret_fd, 1) < 0)
		return failure_set(failure, errno, STEP, address.sun_path);
	return 0;
}

int vsock_listen(const char *path, int server, struct vsock *vsock, struct failure *failure)
{
	int r = open_door(path, CHANNEL_NUMBER, &vsock->fds[VSOCK_DOOR_CHANNEL], failure);

	vsock->fds[VSOCK_SERVER] = server;
	if (r == 0 && server >= 0)
		r = open_door(path, FILES_NUMBER, &vsock->fds[VSOCK_DOOR_FILES], failure);
	return r;
}

static bool has_room(const struct ring *ring)
{
	return ring_len(ring) < ring->size;
}

static short events(const struct ring *from_it, const struct ring *to_it)
{
	return (short)((has_room(from_it) ? POLLIN : 0) | (ring_len(to_it) ? POLLOUT : 0));
}

void vsock_watch(const struct vsock *vsock, struct pollfd fds[VSOCK_WATCHED])
{
	for (int i = 0; i < VSOCK_WATCHED; i++)
		fds[i] = (struct pollfd){vsock->fds[i], POLLIN, 0};
	fds[VSOCK_GUEST].events = events(&vsock->up, &vsock->down);
	fds[VSOCK_SERVER].events = events(&vsock->down, &vsock->up);
	/* Before the guest has come the server has nothing to say, and its end is not ours to see.
	 */
	if (vsock->fds[VSOCK_GUEST] < 0)
		fds[VSOCK_SERVER].fd = -1;
}

static void end(struct vsock *vsock, int which)
{
	if (vsock->fds[which] >= 0)
		close(vsock->fds[which]);
	vsock->fds[which] = -1;
}

/* The door is closed behind the first who comes: there is no second. */
static int take_in(struct vsock *vsock, int door)
{
	int fd = accept4(vsock->fds[door], NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0)
		end(vsock, door);
	return fd;
}

/* False: nothing will come of it any more. */
static bool read_piece(int fd, struct ring *ring)
{
	size_t left = ring->size - ring_len(ring);
	ssize_t len = recv(fd, piece, left < sizeof(piece) ? left : sizeof(piece), MSG_DONTWAIT);

	if (len > 0)
		ring_put(ring, piece, (size_t)len);
	return len > 0 || (len < 0 && (errno == EAGAIN || errno == EINTR));
}

static bool write_out(int fd, struct ring *ring)
{
	while (ring_len(ring) > 0) {
		size_t len = 0;
		const uint8_t *bytes = ring_first(ring, &len);
		ssize_t sent = send(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0)
			return errno == EAGAIN || errno == EINTR;
		ring_drop(ring, (size_t)sent);
	}
	return true;
}

static bool take_from(int fd, short revents, struct ring *ring)
{
	if (revents & POLLIN)
		return read_piece(fd, ring);
	return !(revents & (POLLHUP | POLLERR | POLLNVAL));
}

/* Either end's end is the other's: the files without their server, or without their guest, are of
 * no use. */
static void pass_on(struct vsock *vsock, const struct pollfd fds[VSOCK_WATCHED])
{
	int guest = vsock->fds[VSOCK_GUEST];
	int server = vsock->fds[VSOCK_SERVER];

	if (take_from(guest, fds[VSOCK_GUEST].revents, &vsock->up) &&
		take_from(server, fds[VSOCK_SERVER].revents, &vsock->down) &&
		write_out(server, &vsock->up) && write_out(guest, &vsock->down))
		return;
	end(vsock, VSOCK_GUEST);
	end(vsock, VSOCK_SERVER);
}

int vsock_react(struct vsock *vsock, const struct pollfd fds[VSOCK_WATCHED])
{
	if (vsock->fds[VSOCK_GUEST] >= 0 && (fds[VSOCK_GUEST].revents || fds[VSOCK_SERVER].revents))
		pass_on(vsock, fds);
	if (fds[VSOCK_DOOR_FILES].revents)
		vsock->fds[VSOCK_GUEST] = take_in(vsock, VSOCK_DOOR_FILES);
	return fds[VSOCK_DOOR_CHANNEL].revents ? take_in(vsock, VSOCK_DOOR_CHANNEL) : -1;
}
