/* SPDX-License-Identifier: Apache-2.0 */
/* A test double of macOS's sandbox-exec: it takes the same arguments, refuses what the real one
 * would refuse with the same status, becomes the program, and confines nothing.
 *
 *   64  wrong usage
 *   65  a profile that is none: no version, brackets that do not match, a parameter that is not
 * given, a string of more than 1023 bytes 71  inside another sandbox; or the program cannot be
 * executed, or is not the profile's PROGRAM
 *
 * The file /private/tmp/double-sandbox-exec, where there is one, says what it does instead: "hang",
 * "die", or the status that it ends with. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define MAX_STRING 1023
#define MAX_PARAMS 4096

static const char *params[MAX_PARAMS];
static size_t n_params;

__attribute__((noreturn)) static void refuse(int status, const char *why)
{
	fprintf(stderr, "sandbox-exec: %s\n", why);
	exit(status);
}

static const char *value_of(const char *name, size_t len)
{
	for (size_t i = 0; i < n_params; i++)
		if (strncmp(params[i], name, len) == 0 && params[i][len] == '=')
			return params[i] + len + 1;
	return NULL;
}

/* Past the string that begins here. */
static const char *check_string(const char *at, bool is_param)
{
	const char *start = ++at;

	for (; *at && *at != '"'; at++)
		if (*at == '\\' && at[1])
			at++;
	if (!*at)
		refuse(65, "unterminated string");
	if (at - start > MAX_STRING)
		refuse(65, "string too long");
	if (is_param && !value_of(start, (size_t)(at - start)))
		refuse(65, "unbound parameter");
	return at + 1;
}

static void check_profile(const char *text)
{
	const char *version = "(version 1)";
	bool is_param = false;
	int depth = 0;

	if (strncmp(text, version, strlen(version)) != 0)
		refuse(65, "no version");
	for (const char *at = text; *at;) {
		if (*at == ';') {
			at += strcspn(at, "\n");
		} else if (*at == '"') {
			at = check_string(at, is_param);
			is_param = false;
		} else {
			if (*at == '(') {
				depth++;
				is_param = strncmp(at, "(param ", 7) == 0;
			}
			if (*at == ')' && --depth < 0)
				refuse(65, "unexpected )");
			at++;
		}
	}
	if (depth)
		refuse(65, "missing )");
}

static void misbehave(void)
{
	char text[16] = "";
	FILE *file = fopen("/private/tmp/double-sandbox-exec", "re");

	if (!file)
		return;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	if (strcmp(text, "hang") == 0)
		for (;;)
			pause();
	if (strcmp(text, "die") == 0)
		abort();
	if (text[0])
		refuse(atoi(text), "told so");
}

/* A mark that children have, too, and that nothing else sets. */
static void enter(void)
{
	if (prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1)
		refuse(71, "sandbox_apply: Operation not permitted");
	if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) < 0)
		refuse(71, strerror(errno));
}

int main(int argc, char **argv)
{
	const char *profile = NULL;
	const char *program;
	int option;

	while ((option = getopt(argc, argv, "+D:p:")) != -1) {
		if (option == 'D' && strchr(optarg, '=') && n_params < MAX_PARAMS)
			params[n_params++] = optarg;
		else if (option == 'p')
			profile = optarg;
		else
			refuse(64, "usage");
	}
	if (!profile || optind >= argc)
		refuse(64, "usage");
	misbehave();
	for (size_t i = 0; i < n_params; i++)
		if (strlen(strchr(params[i], '=') + 1) > MAX_STRING)
			refuse(65, "parameter too long");
	check_profile(profile);
	enter();
	program = value_of("PROGRAM", strlen("PROGRAM"));
	if (!program || strcmp(program, argv[optind]) != 0)
		refuse(71, "execvp() failed: Operation not permitted");
	execvp(argv[optind], argv + optind);
	refuse(71, "execvp() failed");
}
