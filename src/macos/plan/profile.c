/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a Seatbelt profile.
 *
 * Should: say each thing once, as an allowance over (deny default), so that no two rules ever
 * contradict each other and their order and precedence mean nothing: the first that matches, the
 * last that matches, and the one for the more exact operation all give the same verdict. An
 * exception stands in the allowance that it is taken from (require-not). Operations that the
 * default leaves open are allowed for something and denied for all but that. Must not: hold a path.
 * Every one is a parameter, so that no name can be read as a rule. */
#include "macos/plan/profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "base/error.h"
#include "macos/plan/fold.h"
#include "macos/plan/parts.h"
#include "macos/plan/system.h"
#include "macos/plan/writer.h"

#define MAX_STRING 1023 /* of sandbox-exec */
#define LATE_PROGRAM "the program, where it is found"
#define LATE_TEMPORARY "a new directory in " MACOS_TEMPORARY
#define LATE_EGRESS "the socket of the egress proxy"

/* What of the area's path lies beneath its parent, component by component, in every spelling. held:
 * also each directory on the way. */
static void add_spellings(struct strbuf *out, const char *parent, const char *path, bool held)
{
	const char *part = path + strlen(parent);
	size_t open = 0;

	strbuf_putc(out, '^');
	fold_exact(out, parent);
	while (*part) {
		const char *end = part + 1 + strcspn(part + 1, "/");
		char *name = strndup(part, (size_t)(end - part));

		if (name)
			fold_every_case(out, name);
		else if (!out->error)
			out->error = -ENOMEM;
		free(name);
		if (*end && held) {
			strbuf_puts(out, "($|");
			open++;
		}
		part = end;
	}
	strbuf_puts(out, "($|/)");
	for (; open; open--)
		strbuf_putc(out, ')');
}

static int add_expression(struct writer *writer, const struct area *area, const char *name,
	bool held, ks_error **reterr)
{
	const char *parent = writer->areas.items[area->parent].grant->path;
	autostrbuf struct strbuf text;

	strbuf_init(&text, KS_MAX_TEXT);
	add_spellings(&text, parent, area->grant->path, held);
	if (text.error)
		return error_oom(reterr);
	if (text.len > MAX_STRING)
		return macos_refuse_grant(area->grant, -E2BIG,
			"shorten the names between it and the grant around it, or grant what lies "
			"beside it piece by piece",
			"its name in every letter case is longer than a profile can carry", reterr);
	writer_numbered(writer, name, area->number, text.data);
	return 0;
}

/* An area within one of the other kind has to be told from it in every spelling of its name. */
static int add_exception(struct writer *writer, const struct area *area, ks_error **reterr)
{
	const char *parent = writer->areas.items[area->parent].grant->path;
	int r;

	if (!fold_known(area->grant->path + strlen(parent)))
		return macos_refuse_grant(area->grant, -EINVAL,
			"rename it to letters of ASCII, or do not grant what lies around it",
			"it lies in a grant of the other kind, and the file system has other "
			"spellings "
			"of its name, which a profile cannot tell apart",
			reterr);
	if (area->writable)
		return add_expression(writer, area, "DATA", false, reterr);
	r = add_expression(writer, area, "KEEP", false, reterr);
	return r < 0 ? r : add_expression(writer, area, "HOLD", true, reterr);
}

static void add_program(struct writer *writer)
{
	const char *program = writer->plan->argv.len ? writer->plan->argv.items[0] : "";
	char *spelled = program[0] == '/' ? macos_spell(program) : NULL;

	if (program[0] == '/' && !spelled)
		writer->error = -ENOMEM;
	if (spelled)
		writer_way(writer, spelled);
	writer_param(writer, PARAM_PROGRAM, spelled, LATE_PROGRAM);
	free(spelled);
}

static int add_params(struct writer *writer, ks_error **reterr)
{
	int r = 0;

	add_program(writer);
	writer_param(writer, PARAM_TEMPORARY, NULL, LATE_TEMPORARY);
	if (writer->plan->policy->net == KS_NET_ALLOWLIST)
		writer_param(writer, PARAM_EGRESS, NULL, LATE_EGRESS);
	if (writer->plan->policy->net == KS_NET_PROXY_EGRESS)
		writer_param(writer, "NAME_SERVICE", "/private/var/run/mDNSResponder", NULL);
	for (size_t i = 0; r == 0 && i < writer->areas.len; i++) {
		const struct area *area = &writer->areas.items[i];

		writer_numbered(
			writer, area->writable ? "WRITE" : "READ", area->number, area->grant->path);
		if (area->parent != AREA_TOP)
			r = add_exception(writer, area, reterr);
	}
	for (size_t i = 0; i < n_macos_paths; i++)
		if (writer_has(writer, &macos_paths[i]))
			writer_param(writer, macos_paths[i].name, macos_paths[i].path, NULL);
	return r;
}

static void add_node(struct writer *writer, const char *path)
{
	writer_way(writer, path);
	if (strv_add(&writer->nodes, path) < 0)
		writer->error = -ENOMEM;
}

/* Grants by both names: the one that is asked for may lead through links. */
static void add_ways(struct writer *writer)
{
	const struct grants *grants = &writer->plan->grants;

	for (size_t i = 0; i < n_macos_links; i++)
		add_node(writer, macos_links[i]);
	for (size_t i = 0; i < n_macos_paths; i++)
		if (writer_has(writer, &macos_paths[i]))
			writer_way(writer, macos_paths[i].path);
	for (size_t i = 0; i < grants->len; i++) {
		char *asked = macos_spell(grants->items[i].asked);

		if (asked)
			add_node(writer, asked);
		else
			writer->error = -ENOMEM;
		free(asked);
		writer_way(writer, grants->items[i].path);
	}
	writer_ways_end(writer);
}

/* A script may be the program: then what is executed is its interpreter, which has to be granted.
 */
static void put_runnable(struct writer *writer)
{
	writer_puts(writer, "\n; Executed: the program and what is granted for reading.\n"
			    "(define runnable (require-any");
	writer_filter(writer, PARAM_PROGRAM, false);
	for (size_t i = 0; i < writer->areas.len; i++)
		if (!writer->areas.items[i].writable)
			writer_area(writer, i, "DATA", false);
	writer_puts(writer, "))\n");
}

static void put_readable(struct writer *writer)
{
	writer_puts(writer, "\n; Read: the system's libraries and tables, and what is granted.\n"
			    "(define readable (require-any");
	writer_filter(writer, PARAM_PROGRAM, false);
	writer_filter(writer, PARAM_TEMPORARY, true);
	for (size_t i = 0; i < writer->areas.len; i++)
		if (writer->areas.items[i].parent == AREA_TOP)
			writer_area(writer, i, NULL, false);
	for (size_t i = 0; i < n_macos_paths; i++)
		if (writer_has(writer, &macos_paths[i]))
			writer_filter(writer, macos_paths[i].name, macos_paths[i].tree);
	writer_puts(writer, "))\n");
}

static void put_loadable(struct writer *writer)
{
	writer_puts(writer,
		"\n; Mapped as code: the same as executed, and the system's libraries.\n"
		"(define loadable (require-any\n  runnable");
	for (size_t i = 0; i < n_macos_paths; i++)
		if (macos_paths[i].load)
			writer_filter(writer, macos_paths[i].name, macos_paths[i].tree);
	writer_puts(writer, "))\n");
}

static void put_known(struct writer *writer)
{
	writer_puts(writer, "\n; Looked at: besides, directories and links on the way there.\n"
			    "(define known (require-any\n  readable");
	for (size_t i = 0; i < writer->nodes.len; i++)
		writer_addf(writer, "\n  (literal (param \"NODE%zu\"))", i);
	writer_puts(writer, "))\n");
}

/* For an operation that the default leaves open on some systems and closes on others: both rules
 * together say the same on each. */
static void put_closed(struct writer *writer, const char *operation, const char *filter)
{
	writer_addf(writer,
		"(if (defined? '%s)\n"
		"  (begin\n"
		"    (allow %s %s)\n"
		"    (deny %s (require-not %s))))\n",
		operation, operation, filter, operation, filter);
}

static void put_programs(struct writer *writer)
{
	writer_puts(writer, "\n(allow process-exec* runnable)\n");
	if (writer->plan->limits.tasks != 1)
		writer_puts(writer, "(allow process-fork)\n");
	writer_puts(writer, "(allow signal (target self) (target children))\n"
			    "(allow file-read* readable)\n"
			    "(allow file-read-metadata known)\n\n"
			    "; What (deny default) leaves open.\n");
	put_closed(writer, "file-map-executable", "loadable");
	put_closed(writer, "file-test-existence", "known");
	put_closed(writer, "process-info*", "(target self)");
	for (size_t i = 0; i < n_macos_open_operations; i++)
		writer_addf(writer, "(if (defined? '%s) (deny %s))\n", macos_open_operations[i],
			macos_open_operations[i]);
	/* A runtime that compiles to memory needs it, which the larger profile has room for. */
	writer_addf(writer,
		"(if (defined? 'dynamic-code-generation) (%s dynamic-code-generation))\n",
		writer->plan->policy->profile == KS_PROFILE_WORKER_STRICT ? "deny" : "allow");
}

/* A granted directory itself stays where it is, with its name: another in its place would be what
 * the grant means from then on. */
static void put_writable(struct writer *writer, const char *except, bool not_itself)
{
	for (size_t i = 0; i < writer->areas.len; i++)
		if (writer->areas.items[i].writable &&
			(!not_itself || writer->areas.items[i].grant->directory))
			writer_area(writer, i, except, not_itself);
}

static void put_writing(struct writer *writer)
{
	writer_puts(writer, "\n; Written: names, and what they stand for.\n"
			    "(allow file-write-create file-write-unlink\n"
			    "  (require-all (subpath (param \"" PARAM_TEMPORARY "\"))\n"
			    "    (require-not (literal (param \"" PARAM_TEMPORARY "\"))))");
	put_writable(writer, "HOLD", true);
	writer_puts(writer,
		")\n(allow file-write-data file-write-mode file-write-times file-write-xattr");
	writer_filter(writer, PARAM_TEMPORARY, true);
	put_writable(writer, "KEEP", false);
	writer_puts(writer, ")\n(allow file-write-data");
	for (size_t i = 0; i < n_macos_paths; i++)
		if (macos_paths[i].write)
			writer_filter(writer, macos_paths[i].name, macos_paths[i].tree);
	writer_puts(writer, ")\n");
}

static void put_system(struct writer *writer)
{
	writer_puts(writer, "\n; The processor, the memory and the system's version.\n"
			    "(allow sysctl-read");
	for (size_t i = 0; i < n_macos_sysctls; i++)
		writer_addf(writer, "\n  (sysctl-name \"%s\")", macos_sysctls[i]);
	for (size_t i = 0; i < n_macos_sysctl_families; i++)
		writer_addf(writer, "\n  (sysctl-name-prefix \"%s\")", macos_sysctl_families[i]);
	writer_puts(writer, ")\n");
}

static void put_network(struct writer *writer)
{
	const struct ks_policy *policy = writer->plan->policy;

	if (policy->net == KS_NET_ALLOWLIST)
		writer_puts(writer,
			"\n; The network: the egress proxy's socket, and nothing else.\n"
			"(allow network-outbound (literal (param \"" PARAM_EGRESS "\")))\n");
	if (policy->net == KS_NET_PROXY_EGRESS)
		writer_puts(writer,
			"\n; The network: the host's, by TCP and UDP.\n"
			"(allow network-bind (local ip \"*:*\"))\n"
			"(allow network-inbound (local ip \"*:*\"))\n"
			"(allow network-outbound (remote ip \"*:*\")\n"
			"  (literal (param \"NAME_SERVICE\")))\n"
			"; Which addresses are the host's own.\n"
			"(allow sysctl-read (sysctl-name-prefix \"net.routetable\"))\n");
	if (policy->profile != KS_PROFILE_WORKER_NET_CLIENT)
		return;
	writer_puts(writer, "\n; Services of the system: users by number; certificates.\n"
			    "(allow mach-lookup\n"
			    "  (global-name \"com.apple.system.opendirectoryd.libinfo\")");
	if (policy->net != KS_NET_DENY)
		writer_puts(writer, "\n  (global-name \"com.apple.trustd\")"
				    "\n  (global-name \"com.apple.trustd.agent\")");
	writer_puts(writer, ")\n");
}

int seatbelt_profile(struct ks_plan *plan, ks_error **reterr)
{
	autowriter struct writer writer;
	int r;

	writer_init(&writer, plan);
	if (areas_make(&plan->grants, &writer.areas) < 0)
		return error_oom(reterr);
	r = add_params(&writer, reterr);
	if (r < 0)
		return r;
	add_ways(&writer);
	writer_puts(&writer, "(version 1)\n(deny default)\n");
	put_runnable(&writer);
	put_readable(&writer);
	put_loadable(&writer);
	put_known(&writer);
	put_programs(&writer);
	put_writing(&writer);
	put_system(&writer);
	put_network(&writer);
	if (writer.error || strbuf_take(&writer.text, &plan->seatbelt.profile, NULL) < 0)
		return error_oom(reterr);
	return 0;
}
