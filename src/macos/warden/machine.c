/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual machine of a worker, by the program container. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "macos/apply/answer.h"
#include "macos/apply/patience.h"
#include "macos/warden/warden.h"

/* By name: numbers differ between a Mac and the machine's Linux. */
static const struct {
	int number;
	const char *name;
} signals[] = {
	{SIGHUP, "HUP"},
	{SIGINT, "INT"},
	{SIGQUIT, "QUIT"},
	{SIGTERM, "TERM"},
	{SIGUSR1, "USR1"},
	{SIGUSR2, "USR2"},
	{SIGWINCH, "WINCH"},
	{SIGKILL, "KILL"},
	{SIGSTOP, "STOP"},
	{SIGCONT, "CONT"},
	{SIGALRM, "ALRM"},
};

bool machine_exists(const struct warden *warden)
{
	return access(warden->order.proof, F_OK) == 0;
}

void machine_signal(const struct warden *warden, int signal)
{
	struct strv words = {0};
	const char *name = NULL;
	char text[256];
	int r = 0;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (signals[i].number == signal)
			name = signals[i].name;
	if (!name)
		return;
	for (size_t i = 0; r == 0 && i < warden->order.tell.len; i++) {
		const char *word = warden->order.tell.items[i];

		r = strv_add(&words, *word ? word : name);
	}
	if (r == 0)
		answer_of(warden->order.program, (const char *const *)words.items, TELL_MS, text,
			sizeof(text));
	strv_done(&words);
}
