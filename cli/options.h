/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of command-line options: parsing, --help, the completions and the check of the
 * manual read it. */
#ifndef KS_CLI_OPTIONS_H
#define KS_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <kastellan/kastellan.h>

enum {
	FOR_RUN = 1 << 0,
	FOR_PLAN = 1 << 1,
	FOR_DOCTOR = 1 << 2,
	FOR_MCP = 1 << 3,
	FOR_EGRESS = 1 << 4,
	FOR_WORKERS = 1 << 5,
	FOR_SELFTEST = 1 << 6
};

/* What the options of run, mcp, plan and egress amount to. */
struct arguments {
	unsigned command; /* FOR_* */
	const char *policy_file;
	ks_policy *policy;
	const char *backend; /* its name; NULL = the host's default */
	const char *image; /* of a backend with images; NULL = its default */
	const char *host_file; /* facts of another host; NULL = this one */
	struct ks_run_options run;
	bool quiet;
	bool json;
	bool help;
	const char *status; /* FILE or fd:N */
	const char *tools_file;
	const char *socket;
	uint32_t ahead; /* jails for each tool of single use */
	bool shared_egress; /* one egress proxy for all of them */
	const char *audit; /* the same */
	const char *listen[KS_EGRESS_MAX_DOORS];
	size_t n_listen;
	const char *shaped_by; /* the first option that was applied over the policy, or NULL */
	char *const *program; /* NULL-terminated; program[0] is NULL if there is none */
};

struct option_row {
	char letter; /* 0 = none */
	const char *name;
	const char *argument; /* NULL = takes none */
	unsigned commands;
	const char *completes; /* "file", "directory", "backend", "profile", "field" or NULL */
	const char *help;
	/* Options of the first pass (which file, which form) come before the policy is loaded, the
	 * others are applied over it, in the order of the command line. */
	bool first_pass;
	int (*apply)(struct arguments *arguments, const char *value, ks_error **reterr);
};

extern const struct option_row option_rows[];
extern const size_t n_option_rows;

struct command_row {
	const char *name;
	unsigned options; /* FOR_* of its options, 0 = none */
	const char *synopsis;
	const char
		*completes; /* its words: "program", "file", "shell", "schema", "command" or NULL */
	const char *help;
	int (*run)(int argc, char **argv);
};

extern const struct command_row command_rows[];
extern const size_t n_command_rows;

/* Parses argv (argv[0] is the command's name), loads the policy and applies the flags over it.
 * Returns 0, or -errno. */
int arguments_parse(
	int argc, char **argv, unsigned command, struct arguments *ret, ks_error **reterr);
void arguments_done(struct arguments *arguments);

/* "64M", "1G", "512K"; a plain number counts MiB. Rounded up to MiB. */
int parse_size_mib(const char *text, uint64_t *ret);
/* "500ms", "2s", "1m", "1h", "1.5s"; a plain number counts seconds. */
int parse_time_ms(const char *text, uint64_t *ret);
int parse_number(const char *text, uint64_t *ret);

#endif
