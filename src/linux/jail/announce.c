/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/jail/announce.h"

#include <string.h>

#include "base/strbuf.h"
#include "linux/control.h"

int announce_group(int socket, const struct cgroup *group)
{
	autostrv struct strv directories = {0};
	autostrbuf struct strbuf text;
	int r = cgroup_directories(group, &directories);

	strbuf_init(&text, CONTROL_MAX - sizeof(struct control_header));
	for (size_t i = 0; i < directories.len; i++)
		strbuf_add(&text, directories.items[i], strlen(directories.items[i]) + 1);
	if (r == 0)
		r = text.error;
	if (r == 0 && text.len)
		r = control_send(socket, CONTROL_GROUP, 0, text.data, text.len, NULL, 0);
	return r;
}
