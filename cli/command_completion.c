/* SPDX-License-Identifier: Apache-2.0 */
/* Shell completions, written from the tables of commands and options. The build installs what this
 * prints. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/options.h"

static const char backends[] = "bwrap native landlock seatbelt container";
static const char profiles[] = "WorkerStrict WorkerNetClient";
static const char sni_words[] = "match off";
static const char shells_known[] = "bash zsh fish";
static const char schemas_known[] = "policy tools";
static const char fields[] =
	"fs_read fs_write net cpu_ms mem_mb profile cpu_quota_pct tasks_max env egress";

/* The words that an option's value can be, or NULL. */
static const char *words_for(const struct option_row *row)
{
	if (!row->completes)
		return NULL;
	if (strcmp(row->completes, "backend") == 0)
		return backends;
	if (strcmp(row->completes, "profile") == 0)
		return profiles;
	if (strcmp(row->completes, "sni") == 0)
		return sni_words;
	if (strcmp(row->completes, "field") == 0)
		return fields;
	return NULL;
}

/* The words that may follow a command are of this kind. */
static bool takes(const struct command_row *command, const char *kind)
{
	return command->completes && strcmp(command->completes, kind) == 0;
}

/* The words that may follow it, where they are few, or NULL. */
static const char *words_of(const struct command_row *command)
{
	if (takes(command, "shell"))
		return shells_known;
	return takes(command, "schema") ? schemas_known : NULL;
}

static void print_commands(void)
{
	for (size_t i = 0; i < n_command_rows; i++)
		printf("%s%s", i ? " " : "", command_rows[i].name);
}

static bool is_path(const struct option_row *row)
{
	return row->completes && !words_for(row);
}

static void print_names(const struct option_row *row, const char *between)
{
	if (row->letter)
		printf("-%c%s", row->letter, between);
	printf("--%s", row->name);
}

static void bash_values(void)
{
	printf("\tcase $prev in\n");
	for (size_t i = 0; i < n_option_rows; i++) {
		const struct option_row *row = &option_rows[i];

		if (!row->argument)
			continue;
		printf("\t");
		print_names(row, "|");
		if (words_for(row) == fields)
			printf(") COMPREPLY=($(compgen -P \"$list\" -W '%s' -- \"${cur##*,}\")); "
			       "return ;;\n",
				fields);
		else if (words_for(row))
			printf(") COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return ;;\n",
				words_for(row));
		else if (is_path(row))
			printf(") COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n");
		else
			printf(") COMPREPLY=(); return ;;\n");
	}
	printf("\tesac\n");
}

/* The words that may follow each command: options, and what else it takes. */
static void bash_commands(void)
{
	printf("\tcase ${COMP_WORDS[1]} in\n");
	for (size_t i = 0; i < n_command_rows; i++) {
		const struct command_row *command = &command_rows[i];

		printf("\t%s) words='", command->name);
		for (size_t j = 0; j < n_option_rows; j++)
			if (option_rows[j].commands & command->options)
				printf("--%s ", option_rows[j].name);
		if (words_of(command))
			printf("%s", words_of(command));
		if (takes(command, "command"))
			print_commands();
		printf("'");
		if (takes(command, "program"))
			printf(" more='-c -f'");
		if (takes(command, "file"))
			printf(" more=-f");
		printf(" ;;\n");
	}
	printf("\tesac\n");
}

static void print_bash(void)
{
	printf("# bash completion for kastellan\n\n_kastellan()\n{\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words= "
	       "more= "
	       "word\n"
	       "\tlocal list=${cur%%\"${cur##*,}\"}\n"
	       "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n\t\tCOMPREPLY=($(compgen -W '");
	print_commands();
	printf(" --version --help' -- \"$cur\"))\n\t\treturn\n\tfi\n"
	       "\t# Behind -- is the program, and the first word there is its name.\n"
	       "\tfor word in \"${COMP_WORDS[@]:2:COMP_CWORD-2}\"; do\n"
	       "\t\t[ \"$word\" = -- ] || continue\n"
	       "\t\t[ \"$prev\" = -- ] && more=-c\n"
	       "\t\tCOMPREPLY=($(compgen $more -f -- \"$cur\"))\n\t\treturn\n\tdone\n");
	bash_values();
	bash_commands();
	printf("\tif [[ $cur == -* || -z $more ]]; then\n"
	       "\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	       "\telse\n\t\tCOMPREPLY=($(compgen $more -- \"$cur\"))\n\tfi\n}\n"
	       "complete -o filenames -F _kastellan kastellan\n");
}

/* In single quotes of zsh, with the characters that _arguments reads itself escaped. */
static void zsh_text(const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			printf("'\\''");
		else if (strchr("[]:\\", *text))
			printf("\\%c", *text);
		else
			putchar(*text);
	}
}

static void zsh_option(const struct option_row *row)
{
	printf("\t\t\t");
	if (row->letter)
		printf("'(-%c --%s)'{-%c,--%s}", row->letter, row->name, row->letter, row->name);
	else
		printf("--%s", row->name);
	printf("'[");
	zsh_text(row->help);
	printf("]");
	if (row->argument) {
		printf(":");
		zsh_text(row->argument);
		if (words_for(row))
			printf(":(%s)", words_for(row));
		else
			printf(":%s", is_path(row) ? "_files" : " ");
	}
	printf("' \\\n");
}

static void zsh_words(const struct command_row *command)
{
	printf("\t\t\t");
	if (takes(command, "program"))
		printf("'*::program:_normal'");
	else if (takes(command, "file"))
		printf("'*:file:_files'");
	else if (words_of(command))
		printf("':%s:(%s)'", command->completes, words_of(command));
	else if (takes(command, "command")) {
		printf("':command:(");
		print_commands();
		printf(")'");
	}
	printf(" ;;\n");
}

static void print_zsh(void)
{
	printf("#compdef kastellan\n\n_kastellan() {\n\tlocal -a commands\n\tcommands=(\n");
	for (size_t i = 0; i < n_command_rows; i++) {
		printf("\t\t'%s:", command_rows[i].name);
		zsh_text(command_rows[i].help);
		printf("'\n");
	}
	printf("\t)\n\tif (( CURRENT == 2 )); then\n\t\t_describe command commands\n\t\treturn\n"
	       "\tfi\n\tlocal command=$words[2]\n\tshift words\n\t(( CURRENT-- ))\n\tcase $command "
	       "in\n");
	for (size_t i = 0; i < n_command_rows; i++) {
		printf("\t%s)\n\t\t_arguments -S \\\n", command_rows[i].name);
		for (size_t j = 0; j < n_option_rows; j++)
			if (option_rows[j].commands & command_rows[i].options)
				zsh_option(&option_rows[j]);
		zsh_words(&command_rows[i]);
	}
	printf("\tesac\n}\n\n_kastellan \"$@\"\n");
}

static void fish_text(const char *text)
{
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
}

static void fish_words(const struct command_row *command)
{
	if (takes(command, "program") || takes(command, "file"))
		return;
	printf("complete -c kastellan -n '__fish_seen_subcommand_from %s' -f", command->name);
	if (words_of(command))
		printf(" -a '%s'", words_of(command));
	if (takes(command, "command")) {
		printf(" -a '");
		print_commands();
		printf("'");
	}
	printf("\n");
}

static void print_fish(void)
{
	printf("# fish completion for kastellan\n");
	for (size_t i = 0; i < n_command_rows; i++) {
		printf("complete -c kastellan -n __fish_use_subcommand -f -a %s -d '",
			command_rows[i].name);
		fish_text(command_rows[i].help);
		printf("'\n");
		fish_words(&command_rows[i]);
	}
	for (size_t i = 0; i < n_option_rows; i++) {
		const struct option_row *row = &option_rows[i];

		printf("complete -c kastellan -n '__fish_seen_subcommand_from");
		for (size_t j = 0; j < n_command_rows; j++)
			if (command_rows[j].options & row->commands)
				printf(" %s", command_rows[j].name);
		printf("'");
		if (row->letter)
			printf(" -s %c", row->letter);
		printf(" -l %s", row->name);
		if (row->argument)
			printf(is_path(row) ? " -r" : " -x");
		if (words_for(row))
			printf(" -a '%s'", words_for(row));
		printf(" -d '");
		fish_text(row->help);
		printf("'\n");
	}
}

int command_completion(int argc, char **argv)
{
	static const struct {
		const char *shell;
		void (*print)(void);
	} shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};

	for (size_t i = 0; argc == 2 && i < sizeof(shells) / sizeof(shells[0]); i++) {
		if (strcmp(argv[1], shells[i].shell) != 0)
			continue;
		shells[i].print();
		return fflush(stdout) == 0 ? STATUS_OK : STATUS_FAILED;
	}
	fprintf(stderr, "kastellan: completion: which shell?\n"
			"  remedy: kastellan completion bash, zsh or fish\n");
	return STATUS_FAILED;
}
