/* SPDX-License-Identifier: Apache-2.0 */
/* Ports of a machine without virtio-serial: connections to the host, by numbers. Who listens there
 * has done so since before the machine was started, so that there is nothing to try again. */
#include <sys/socket.h> /* older headers of the kernel need it before their own */

#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "linux/init/guest_parts.h"
#include "linux/init/process.h"

#define DRIVER "/sys/bus/virtio/drivers/vmw_vsock_virtio_transport/virtio"
#define MAX_DEVICES 16 /* of the machine; it has two or three */
#define CONNECT_PATIENCE_S 60 /* the kernel's own 2 s are little on a loaded host */
/* Of a 64-bit time; the older headers have one name, and the number is the same. */
#define CONNECT_TIMEOUT 6

bool guest_vsock_is_there(void)
{
	char path[sizeof(DRIVER) + NUMBER_TEXT] = DRIVER;

	for (unsigned i = 0; i < MAX_DEVICES; i++) {
		number_text(i, path + sizeof(DRIVER) - 1);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

int guest_vsock_connect(uint32_t number)
{
	const struct sockaddr_vm host = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = number};
	const struct timeval patience = {.tv_sec = CONNECT_PATIENCE_S};
	int fd = guest_raise(socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0));

	if (fd < 0)
		return -1;
	if (setsockopt(fd, AF_VSOCK, CONNECT_TIMEOUT, &patience, sizeof(patience)) == 0 &&
		connect(fd, (const struct sockaddr *)&host, sizeof(host)) == 0 &&
		fcntl(fd, F_SETFL, O_NONBLOCK) == 0)
		return fd;
	close(fd);
	return -1;
}
