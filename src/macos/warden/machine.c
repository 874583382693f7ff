/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual machine of a worker, by the program container. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "macos/apply/answer.h"
#include "macos/warden/warden.h"

#define REMOVE_MS 30000
#define SIGNAL_MS 3000
#define LIST_BYTES 65536

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

/* Whether a line of the text is the name. */
static bool is_listed(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = text; (at = strstr(at, name)); at += len)
		if ((at == text || at[-1] == '\n') && (at[len] == '\n' || !at[len]))
			return true;
	return false;
}

/* That it cannot be removed is no failure where there is none; only a list tells. */
int machine_remove(const struct warden *warden)
{
	const struct order *order = &warden->order;
	const char *const list[] = {"container", "list", "--all", "--quiet", NULL};
	static char text[LIST_BYTES];

	/* Its command was never started. */
	if (warden->worker_end < 0)
		return 0;
	if (answer_of(order->program, (const char *const *)order->finish.items, REMOVE_MS, text,
		    sizeof(text)) == 0)
		return 0;
	/* A list that does not fit does not tell either. */
	if (answer_of(order->program, list, REMOVE_MS, text, sizeof(text)) == 0 &&
		strlen(text) + 1 < sizeof(text) &&
		!is_listed(text, order->finish.items[order->finish.len - 1]))
		return 0;
	return -EBUSY;
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
		answer_of(warden->order.program, (const char *const *)words.items, SIGNAL_MS, text,
			sizeof(text));
	strv_done(&words);
}
