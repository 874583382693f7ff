/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands share: printing of errors, exit statuses. */
#ifndef KS_CLI_CLI_H
#define KS_CLI_CLI_H

#include <stdbool.h>

#include <kastellan/kastellan.h>

struct command_row;

enum {
	STATUS_OK = 0,
	STATUS_NO = 1, /* check and doctor: something is wrong */
	STATUS_FAILED = 125 /* kastellan itself failed; the program was never started */
};

/* Every problem of the chain, a line each, with position and remedy, to stderr. file is the policy
 * that was read, or NULL. */
void print_error(const char *file, const ks_error *error);

/* Whether a place in a text is one of the facts of a host, and not of the policy. */
bool is_of_host(const ks_error *error);

int command_run(int argc, char **argv);
int command_mcp(int argc, char **argv);
int command_plan(int argc, char **argv);
int command_check(int argc, char **argv);
int command_egress(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_workers(int argc, char **argv);
int command_selftest(int argc, char **argv);
int command_schema(int argc, char **argv);
int command_completion(int argc, char **argv);
int command_help(int argc, char **argv);

/* The command line is wrong: "what: word", and what to write instead. Returns STATUS_FAILED. */
int usage_error(const char *what, const char *word, const char *remedy);

/* NULL if there is none of this name. */
const struct command_row *find_command(const char *name);

/* usage of one command (NULL = all) to stdout */
void print_help(const struct command_row *command);

#endif
