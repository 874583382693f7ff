/* SPDX-License-Identifier: Apache-2.0 */
/* kastellan: the command. It uses the public header only; here, and nowhere else in the project,
 * are getopt, printf and exit at home. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/hand_over.h"
#include "cli/options.h"

/* Names come from anywhere; a terminal takes no orders from them. Bytes of UTF-8 pass. */
static void print_safe(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		/* U+0080 to U+009F are control characters, too. */
		bool control = *c < 0x20 || *c == 0x7f ||
			       (*c == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f);

		if (control)
			fprintf(stderr, "\\x%02x", *c);
		else
			fputc(*c, stderr);
	}
}

/* Facts of a host are named by their place in the text, and that by its file. */
bool is_of_host(const ks_error *error)
{
	return error && ks_error_step(error) && strcmp(ks_error_step(error), "host") == 0;
}

/* What else has no line is not a place in the file: the file as a whole, which the message names,
 * or an option of the command line. */
static void print_place(const char *file, const ks_error *error)
{
	bool placed = file && ks_error_line(error);

	if (!placed)
		fprintf(stderr, "kastellan: ");
	if (!placed && (!file || !is_of_host(error)))
		return;
	print_safe(file);
	if (placed)
		fprintf(stderr, ":%u:%u", ks_error_line(error), ks_error_column(error));
	fprintf(stderr, ": ");
}

void print_error(const char *file, const ks_error *error)
{
	/* It could not be allocated. */
	if (!error)
		fprintf(stderr,
			"kastellan: out of memory\n"
			"  remedy: raise the caller's limit of address space (ulimit -v), or free "
			"memory\n");
	for (; error; error = ks_error_next(error)) {
		print_place(file, error);
		print_safe(ks_error_message(error));
		if (ks_error_remedy(error)) {
			fprintf(stderr, "\n  remedy: ");
			print_safe(ks_error_remedy(error));
		}
		fputc('\n', stderr);
	}
}

static void print_options(const struct command_row *command)
{
	if (!command->options)
		return;
	printf("\nOptions:\n");
	for (size_t i = 0; i < n_option_rows; i++) {
		const struct option_row *row = &option_rows[i];
		char name[64];

		if (!(row->commands & command->options))
			continue;
		snprintf(name, sizeof(name), "%c%c%c --%s%s%s", row->letter ? '-' : ' ',
			row->letter ? row->letter : ' ', row->letter ? ',' : ' ', row->name,
			row->argument ? " " : "", row->argument ? row->argument : "");
		printf("  %-30s %s\n", name, row->help);
	}
}

void print_help(const struct command_row *command)
{
	if (command) {
		printf("Usage: kastellan %s%s%s\n\n%c%s.\n", command->name,
			*command->synopsis ? " " : "", command->synopsis,
			command->help[0] - 'a' + 'A', command->help + 1);
		print_options(command);
		return;
	}
	printf("Usage: kastellan COMMAND [OPTION]...\n\n"
	       "Runs tool workers that are not trusted, confined by one small "
	       "policy.\n\nCommands:\n");
	for (size_t i = 0; i < n_command_rows; i++)
		printf("  %-10s %s\n", command_rows[i].name, command_rows[i].help);
	printf("\nkastellan COMMAND --help describes the options; the manual is kastellan(1), the "
	       "policy\nkastellan-policy(5).\n\n"
	       "  kastellan run -r /srv/data -- python3 /srv/data/tool.py\n");
}

const struct command_row *find_command(const char *name)
{
	for (size_t i = 0; i < n_command_rows; i++)
		if (strcmp(command_rows[i].name, name) == 0)
			return &command_rows[i];
	return NULL;
}

int usage_error(const char *what, const char *word, const char *remedy)
{
	fprintf(stderr, "kastellan: %s: ", what);
	print_safe(word);
	fprintf(stderr, "\n  remedy: ");
	print_safe(remedy);
	fputc('\n', stderr);
	return STATUS_FAILED;
}

int command_help(int argc, char **argv)
{
	const struct command_row *command = argc > 1 ? find_command(argv[1]) : NULL;

	if (argc > 2)
		return usage_error("help: this is one word too many", argv[2],
			"kastellan help COMMAND describes one command");
	if (argc > 1 && !command)
		return usage_error("help: there is no such command", argv[1],
			"kastellan help lists the commands");
	print_help(command);
	return STATUS_OK;
}

static int unknown_command(const char *word)
{
	char remedy[128];

	if (*word == '-')
		return usage_error("the first word must be a command, got", word,
			"kastellan help lists the commands; to run a program: kastellan run "
			"[OPTION]... -- PROGRAM");
	snprintf(remedy, sizeof(remedy),
		"kastellan help lists the commands; to run a program: kastellan run -- %.40s%s",
		word, strlen(word) > 40 ? "..." : "");
	return usage_error("there is no such command", word, remedy);
}

/* Nothing that is opened here may be taken for a standard stream, or messages be written to it. */
static bool hold_streams(void)
{
	for (int stream = 0; stream <= STDERR_FILENO; stream++)
		if (fcntl(stream, F_GETFD) < 0 && errno == EBADF &&
			open("/dev/null", O_RDWR | O_CLOEXEC) != stream)
			return false;
	return true;
}

int main(int argc, char **argv)
{
	const struct command_row *command;

	hand_over_words(argv);
	if (!hold_streams())
		return STATUS_FAILED;

	if (argc < 2) {
		fprintf(stderr,
			"kastellan: a command is missing\n  remedy: kastellan help lists the "
			"commands\n");
		return STATUS_FAILED;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		printf("kastellan %s\n", ks_version());
		return STATUS_OK;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_help(NULL);
		return STATUS_OK;
	}
	command = find_command(argv[1]);
	if (!command)
		return unknown_command(argv[1]);
	return command->run(argc - 1, argv + 1);
}
