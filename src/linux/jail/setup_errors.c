/* SPDX-License-Identifier: Apache-2.0 */
/* What init and monitor report is a step, an errno and a detail; people get a sentence and an
 * instruction. Pure. */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "linux/jail/parts.h"

struct step_text {
	const char *step;
	int code; /* 0 = any */
	const char *field;
	const char *what; /* followed by the detail and the reason */
	const char *remedy;
};

static const struct step_text texts[] = {
	{"exec", ENOENT, NULL, "the program was not found inside the jail",
		"use an absolute path that a grant shows (-r), or a program below /usr; a script "
		"needs its interpreter inside, too"},
	{"exec", EACCES, NULL, "the program may not be executed",
		"set its execute bit (chmod +x), or grant the directory that holds it"},
	{"exec", EISDIR, NULL, "the program cannot be executed", "name the program in it"},
	{"exec", ENOEXEC, NULL, "the program has no format that the kernel executes",
		"start a script with a #! line, or run its interpreter"},
	{"exec", E2BIG, NULL, "arguments and environment are too long for the kernel", NULL},
	{"exec", 0, NULL, "the program cannot be executed", NULL},
	{"cwd", 0, NULL, "the working directory cannot be entered",
		"choose a directory that a grant shows with --cwd"},
	{"verify", 0, NULL, "what is mounted is not what was granted",
		"a grant was replaced while the jail was built: try again, and find out who does "
		"that"},
	{"closed", 0, NULL, "a file that the kernel was to refuse is open to the worker",
		"its mode was changed: try again; a backend made anew covers it up"},
	{"landlock", 0, NULL, "the Landlock ruleset cannot be applied", "see kastellan doctor"},
	{"seccomp", 0, NULL, "the system-call filter cannot be applied", "see kastellan doctor"},
	{"cgroup", EINVAL, NULL, "the worker cannot join its control group",
		"a caller with a real-time scheduling policy cannot be put under a CPU limit: "
		"start it with SCHED_OTHER (chrt -o 0)"},
	{"cgroup", 0, NULL, "the worker cannot join its control group", "see kastellan doctor"},
	{"namespaces", 0, NULL, "the jail's namespaces cannot be made", "see kastellan doctor"},
	{"network", EPIPE, "net", "the network of the allowlist cannot be handed over",
		"try again; if it goes again, "
		"start kastellan egress to see why"},
	{"network", 0, "net", "the network of the allowlist cannot be made",
		"see kastellan doctor; without \"Allowlist\" no such network is needed"},
	{"map", 0, NULL, "the worker's user cannot be mapped", "see kastellan doctor"},
	{"mount", ENOSYS, NULL, "the jail's file system cannot be built",
		"the Native backend needs Linux 5.12: use the backend bwrap"},
	{"mount", 0, NULL, "the jail's file system cannot be built",
		"kastellan plan shows every mount: see that the one named here exists on the host"},
	{"grant", ESTALE, NULL, "what is mounted is not what was granted",
		"a grant was replaced while the jail was built: try again, and find out who does "
		"that"},
	{"grant", 0, NULL, "a grant cannot be mounted",
		"leave it out, or make it accessible to this user"},
	{"pivot", 0, NULL, "the root directory cannot be exchanged",
		"a root file system that is the initramfs itself cannot be left: switch to one "
		"that is mounted (switch_root)"},
	{"stage", 0, NULL, "a grant cannot be mounted with mapped ids", NULL},
	{"rlimit", 0, NULL, "a resource limit cannot be set",
		"the caller's own hard limit is lower: raise it (ulimit -H), or ask for less"},
	{"favour", 0, NULL, "the caller's priority cannot be given up for the worker",
		"start it with an ordinary one (chrt -o 0 nice -n 0), and an oom_score_adj of 0"},
	{"ids", 0, NULL, "the jail does not have the user that was planned", NULL},
	{"process", 0, NULL, "init is not the first process of the jail",
		"bubblewrap did not make the jail as it was asked: see kastellan doctor"},
	{"descriptors", 0, NULL, "descriptors cannot be put in order", NULL},
	{"stdio", 0, NULL, "a standard stream of the worker is missing", NULL},
	{"session", 0, NULL, "the worker cannot have a session of its own", NULL},
	{"capabilities", 0, NULL, "the capabilities cannot be given up", "see kastellan doctor"},
	{"no_new_privs", 0, NULL, "no_new_privs cannot be set", "see kastellan doctor"},
	{"worker", ECANCELED, NULL, "the worker was ended before its program had begun",
		"it got a signal, or its memory limit is too small even to start: --mem"},
	{"worker", 0, NULL, "the worker process cannot be made",
		"the limit of processes on the host may be reached"},
	{"helper", 0, NULL, "bubblewrap cannot be started", "see kastellan doctor"},
	{"monitor", 0, NULL, "the monitor cannot do its work", NULL},
	{"machine", 0, NULL, "the machine failed", "see kastellan doctor"},
	{"files", 0, NULL, "the tree cannot be served to the guest", "see kastellan doctor"},
	{"channel", 0, NULL, "the guest broke the rules of its channel, and was ended",
		"what ran in it may have taken over its kernel: find out what it was"},
	{"children", 0, NULL, "what the worker starts could not be found to be ended with it",
		"sudo mount -t proc proc /proc, of the pid namespace that the caller is in; its "
		"kernel needs CONFIG_PROC_CHILDREN"},
	{"temporary", 0, NULL, "the worker's temporary directory cannot be made",
		"everybody has to be allowed to make files in the directory above it: "
		"chmod 1777, as a /tmp has"},
	{"tty", 0, NULL, "the terminal of the worker cannot be opened",
		"run without a terminal (no -t)"},
	{"spec", 0, NULL, "kastellan-init does not understand its orders",
		"library and kastellan-init are of different versions: install both again"},
};

static const struct step_text *find_text(const char *step, int code)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(texts[i].step, step) == 0 && (!texts[i].code || texts[i].code == code))
			return &texts[i];
	return NULL;
}

/* Of a machine the detail is a sentence, and no path. */
static bool is_worded(const char *step)
{
	static const char *const steps[] = {"machine", "files", "channel"};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (strcmp(steps[i], step) == 0)
			return true;
	return false;
}

int setup_error(
	const struct ks_plan *plan, const struct control_message *message, ks_error **reterr)
{
	const char *step = message->len ? message->data : "start";
	size_t used = strlen(message->data) + 1;
	const char *detail = used < message->len ? message->data + used : "";
	int code = message->header.value > 0 ? message->header.value : EIO;
	const struct step_text *text = find_text(step, code);

	if (strcmp(step, "exec") == 0 && plan && plan->argv.len && !*detail)
		detail = plan->argv.items[0];
	return error_set(reterr, -code,
		ABOUT(.step = step, .field = text ? text->field : NULL,
			.path = *detail && !is_worded(step) ? detail : NULL,
			.remedy = text ? text->remedy : NULL),
		"%s: %s%s%s: %s", step, text ? text->what : "a step in the jail failed",
		*detail ? ": " : "", detail, strerror(code));
}
