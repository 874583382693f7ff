/* SPDX-License-Identifier: Apache-2.0 */
/* Paths as Seatbelt sees them. It compares the real path of an object: /tmp, /var and /etc are
 * links into /private, and what lies on the data volume is known by its place in the one tree,
 * never by that of the volume. A rule in another spelling would never apply, without a word. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bounds.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "macos/plan/parts.h"
#include "plan/paths.h"
#include "policy/fields.h"

/* sandbox-exec takes no longer string. */
#define MAX_STRING 1023

static const char *const private_links[] = {"/tmp", "/var", "/etc"};

/* Of which nothing is granted: the object itself, or all beneath it, too. */
static const struct {
	const char *path;
	bool beneath;
	const char *reason;
	const char *remedy;
} reserved[] = {
	{"/", false, "it is the whole host", "name the directories that the worker needs"},
	{"/private", false, "it holds the host's settings, sockets and temporary files",
		"name the directories that the worker needs"},
	{MACOS_TEMPORARY, false,
		"everybody's temporary files are there, those of other workers too",
		"name a directory in it; the worker has one of its own, which TMPDIR names"},
	{"/System/Volumes", true, "rules on paths of a volume never apply",
		"write the path without /System/Volumes/Data, as /Users/..."},
	{"/dev", true, "devices of the host are never granted",
		"leave it out: /dev/null, zero, random and urandom are always there"},
	{"/private/var/run", true, "sockets of the host's services lie there", "leave it out"},
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

int macos_refuse_grant(const struct grant *grant, int code, const char *remedy, const char *reason,
	ks_error **reterr)
{
	const char *field = policy_field_name(grant->field);

	return error_set(reterr, code,
		ABOUT(.step = "plan", .field = field, .path = grant->asked, .remedy = remedy),
		"%s: cannot grant %s: %s", field, grant->asked, reason);
}

char *macos_spell(const char *path)
{
	autostrbuf struct strbuf text;
	char *spelled = NULL;

	strbuf_init(&text, KS_MAX_TEXT);
	for (size_t i = 0; i < COUNT(private_links); i++)
		if (path_covers(private_links[i], path))
			strbuf_puts(&text, "/private");
	strbuf_puts(&text, path);
	return strbuf_take(&text, &spelled, NULL) < 0 ? NULL : spelled;
}

/* In any letter case: the disk of a Mac takes them for the same. */
static bool is_reserved(const char *reserved_path, bool beneath, const char *path)
{
	size_t len = strlen(reserved_path);

	return strncasecmp(reserved_path, path, len) == 0 &&
	       (path[len] == '\0' || (beneath && path[len] == '/'));
}

static int check(const struct grant *grant, ks_error **reterr)
{
	for (size_t i = 0; i < COUNT(reserved); i++)
		if (is_reserved(reserved[i].path, reserved[i].beneath, grant->path))
			return macos_refuse_grant(
				grant, -EINVAL, reserved[i].remedy, reserved[i].reason, reterr);
	if (strlen(grant->path) > MAX_STRING || strlen(grant->asked) > MAX_STRING)
		return macos_refuse_grant(grant, -E2BIG, "grant a directory nearer to the root",
			"macOS has no paths longer than 1023 bytes", reterr);
	return 0;
}

int macos_spell_grants(struct grants *grants, ks_error **reterr)
{
	for (size_t i = 0; i < grants->len; i++) {
		struct grant *grant = &grants->items[i];
		char *spelled = macos_spell(grant->path);
		int r;

		if (!spelled)
			return error_oom(reterr);
		free(grant->path);
		grant->path = spelled;
		r = check(grant, reterr);
		if (r < 0)
			return r;
	}
	return 0;
}
