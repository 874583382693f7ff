/* SPDX-License-Identifier: Apache-2.0 */
/* Starting the warden, and saying what it reports. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "macos/apply/helper.h"
#include "macos/apply/parts.h"
#include "macos/apply/spawn.h"

static const struct helper warden = {"kastellan-warden", "KASTELLAN_WARDEN", "start"};

int warden_spawn(const int stdio[3], int control, int record, pid_t *ret_pid, ks_error **reterr)
{
	const char *const argv[] = {"kastellan-warden", NULL};
	const int fds[] = {stdio[0], stdio[1], stdio[2], control, record};
	autofree char *path = NULL;
	char home[KS_MAX_PATH + 16];
	const char *env[2];
	int r = helper_find(&warden, &path, reterr);

	if (r < 0)
		return r;
	/* For the commands of container, which it starts. */
	spawn_home(env, home, sizeof(home));
	r = spawn_alone(path, argv, env, fds, 5, ret_pid);
	return r < 0 ? helper_fail(&warden, path, r, reterr) : 0;
}

struct failure_text {
	const char *step;
	int code; /* 0 = any */
	const char *what;
	const char *remedy;
};

/* The first that fits. */
static const struct failure_text texts[] = {
	{"order", 0, "kastellan-warden does not understand its orders",
		"library and kastellan-warden are of different versions: install both again"},
	{"caller", ECANCELED, "the caller is gone", NULL},
	{"caller", 0, "the caller cannot be watched, whom the worker must not outlive", NULL},
	{"temporary", 0, "the directory for temporary files cannot be made",
		"see that this user may write in /private/tmp"},
	{"env", 0, "the environment cannot be written for container", NULL},
	{"session", 0, "the worker cannot have a session of its own", NULL},
	{"rlimit", 0, "a resource limit cannot be set", NULL},
	{"cwd", 0, "the working directory cannot be entered",
		"choose a directory that a grant shows with --cwd"},
	{"helper", 0, "the program that makes the sandbox cannot be executed",
		"see kastellan doctor"},
	{"profile", 0, "sandbox-exec refuses the profile",
		"its words are on the worker's stderr: report them, with what kastellan plan "
		"shows"},
	{"exec", ETIMEDOUT, "sandbox-exec has not become the program within 10 seconds", NULL},
	{"exec", ENOEXEC,
		"sandbox-exec could not apply the profile, or could not execute the program",
		"its words are on the worker's stderr; a script needs its interpreter granted "
		"(-r), "
		"and inside another sandbox none can be applied"},
	{"machine", ENOEXEC, "container made no virtual machine of the image",
		"its words are on the worker's stderr: see that there is such an image (container "
		"image pull), and kastellan doctor"},
	{"machine", ETIMEDOUT,
		"container has made no virtual machine of the image within 15 minutes",
		"fetch the image beforehand: container image pull"},
	{"worker", ECANCELED, "the worker was ended before its program had begun",
		"it got a signal, or a limit is too small even to start"},
	{"worker", 0, "the worker process cannot be made",
		"the limit of processes may be reached (ulimit -u)"},
	{"stdio", 0, "the worker's stdin cannot be relayed", NULL},
};

static const struct failure_text *find_text(const struct message *failure)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(texts[i].step, failure->step) == 0 &&
			(!texts[i].code || texts[i].code == failure->value))
			return &texts[i];
	return NULL;
}

int warden_error(const struct ks_plan *plan, const struct message *failure, ks_error **reterr)
{
	const struct failure_text *text = find_text(failure);
	const char *detail = failure->text;
	int code = failure->value > 0 ? failure->value : EIO;

	if (strcmp(failure->step, "exec") == 0 && plan->argv.len)
		detail = plan->argv.items[0];
	if (strcmp(failure->step, "machine") == 0)
		detail = plan->image;
	return error_set(reterr, -code,
		ABOUT(.step = failure->step, .path = *detail ? detail : NULL,
			.remedy = text ? text->remedy : NULL),
		"%s: %s%s%s: %s%s", failure->step, text ? text->what : "a step of the start failed",
		*detail ? ": " : "", detail, strerror(code),
		failure->error ? "; not all of it is gone, and the next start removes the rest"
			       : "");
}
