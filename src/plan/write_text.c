/* SPDX-License-Identifier: Apache-2.0 */
/* The plan and the receipt for people. Whatever comes from outside is quoted, so that no name can
 * act on the terminal or look like a line of ours. */
#include <inttypes.h>
#include <string.h>

#include "base/bounds.h"
#include "base/strbuf.h"
#include "plan/landlock.h"
#include "plan/mounts.h"
#include "plan/plan.h"
#include "plan/quote.h"
#include "plan/receipt.h"
#include "plan/write_limits.h"
#include "plan/write_macos.h"
#include "plan/write_vm.h"
#include "policy/fields.h"

#define WIDTH 80 /* columns before a list is continued on the next line: any terminal has them */
#define MIB (UINT64_C(1024) * 1024)

static void pad(struct strbuf *out, size_t start, size_t width)
{
	do
		strbuf_putc(out, ' ');
	while (!out->error && out->len - start < width);
}

/* One word of a text that is continued with the indent after WIDTH columns. *line is where the line
 * began. */
static void put_word(struct strbuf *out, size_t *line, const char *word, size_t len, size_t indent)
{
	if (out->len - *line > indent && out->len - *line + 1 + len > WIDTH) {
		strbuf_addf(out, "\n%*s", (int)indent, "");
		*line = out->len - indent;
	} else if (out->len - *line > indent) {
		strbuf_putc(out, ' ');
	}
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)word[i] < 0x20 || word[i] == 0x7f)
			strbuf_addf(out, "\\x%02x", (unsigned char)word[i]);
		else
			strbuf_putc(out, word[i]);
}

/* A text from the indent on, where the line stands already or which it is padded to. */
static void put_text(struct strbuf *out, size_t line, size_t indent, const char *text)
{
	if (out->len - line < indent)
		pad(out, line, indent);
	while (text && *text) {
		size_t len = strcspn(text, " ");

		put_word(out, &line, text, len, indent);
		text += len;
		/* One only: more of them belong to a name. */
		text += *text == ' ';
	}
	strbuf_putc(out, '\n');
}

#define VERDICT_COLUMN 15
#define REQUEST_COLUMN 25
#define REQUEST_WIDTH 28

static size_t request_width(const struct receipt *receipt)
{
	size_t width = strlen("REQUEST");

	for (size_t i = 0; i < FIELD_COUNT; i++) {
		size_t len = receipt->rows[i].request ? strlen(receipt->rows[i].request) : 0;

		if (len > width && len <= REQUEST_WIDTH)
			width = len;
	}
	return width;
}

static struct phrase as_for(const struct receipt *receipt, size_t index)
{
	return phrase("as for %s", policy_field_name(receipt->rows[index].field));
}

static void put_note(struct strbuf *out, const char *label, const char *text)
{
	size_t line = out->len;

	if (!text)
		return;
	strbuf_addf(out, "%*s%s", VERDICT_COLUMN, "", label);
	put_text(out, line, REQUEST_COLUMN, text);
}

/* Several fields often lack the same thing: its remedy is told once, and the field named that has
 * it, as there may be others in between. */
static void put_remedy(struct strbuf *out, const struct receipt *receipt, size_t index)
{
	const char *remedy = receipt->rows[index].remedy;
	size_t i = 0;

	while (remedy && i < index &&
		(!receipt->rows[i].remedy || strcmp(receipt->rows[i].remedy, remedy) != 0))
		i++;
	put_note(out, "remedy", remedy && i < index ? as_for(receipt, i).text : remedy);
}

/* How much of the detail was told above: the reason, without what follows from it for the field. */
static size_t told_above(const struct receipt *receipt, size_t index, size_t *ret_above)
{
	const char *detail = receipt->rows[index].detail;
	const char *so = detail ? strstr(detail, RECEIPT_SO) : NULL;
	size_t len = so ? (size_t)(so - detail) : detail ? strlen(detail) : 0;

	for (size_t i = 0; len && i < index; i++) {
		const char *above = receipt->rows[i].detail;

		if (above && strncmp(above, detail, len) == 0 &&
			(!above[len] ||
				strncmp(above + len, RECEIPT_SO, strlen(RECEIPT_SO)) == 0)) {
			*ret_above = i;
			return len;
		}
	}
	return 0;
}

static void put_detail(struct strbuf *out, const struct receipt *receipt, size_t index)
{
	const char *detail = receipt->rows[index].detail;
	size_t above = 0;
	size_t told = told_above(receipt, index, &above);
	autostrbuf struct strbuf text;

	strbuf_init(&text, KS_MAX_TEXT);
	if (told)
		strbuf_addf(&text, "%s%s", as_for(receipt, above).text, detail + told);
	if (text.error && !out->error)
		out->error = text.error;
	put_note(out, "why", told ? text.data : detail);
}

static void put_row(struct strbuf *out, const struct receipt *receipt, size_t index, size_t width)
{
	const struct receipt_row *row = &receipt->rows[index];
	size_t line = out->len;
	size_t column = REQUEST_COLUMN + width + 2;
	bool fits = row->request && strlen(row->request) <= width;

	strbuf_puts(out, policy_field_name(row->field));
	pad(out, line, VERDICT_COLUMN);
	strbuf_puts(out, receipt_verdict_name(row->verdict));
	pad(out, line, REQUEST_COLUMN);
	if (fits) {
		strbuf_puts(out, row->request);
	} else {
		put_text(out, line, REQUEST_COLUMN, row->request);
		line = out->len;
	}
	put_text(out, line, column, row->mechanism);
	put_detail(out, receipt, index);
	put_remedy(out, receipt, index);
}

static void put_receipt(struct strbuf *out, const struct receipt *receipt)
{
	size_t width = request_width(receipt);

	strbuf_addf(out, "%-*s%-*s%-*s%s\n", VERDICT_COLUMN, "FIELD",
		REQUEST_COLUMN - VERDICT_COLUMN, "VERDICT", (int)width + 2, "REQUEST", "MECHANISM");
	for (size_t i = 0; i < FIELD_COUNT; i++)
		put_row(out, receipt, i, width);
}

int receipt_write_text(const struct receipt *receipt, char **ret_text)
{
	autostrbuf struct strbuf out;

	strbuf_init(&out, KS_MAX_TEXT);
	put_receipt(&out, receipt);
	return strbuf_take(&out, ret_text, NULL);
}

static const char *access_word(const struct mount *mount)
{
	if (mount->kind == MOUNT_LINK)
		return "->";
	return mount->writable ? "rw" : "ro";
}

static void put_mount(
	struct strbuf *out, const struct ks_plan *plan, const struct mount *mount, size_t width)
{
	size_t start = out->len;

	strbuf_addf(out, "  %s  ", access_word(mount));
	quote_shell(out, mount->path);
	pad(out, start, width + 8);
	switch (mount->kind) {
	case MOUNT_BIND_GRANT:
		if (plan->grants.items[mount->grant].pin)
			strbuf_puts(out, "held in place around a read-only one");
		else
			strbuf_addf(out, "granted by %s",
				policy_field_name(plan->grants.items[mount->grant].field));
		break;
	case MOUNT_LINK:
		quote_shell(out, mount->source);
		break;
	case MOUNT_TMPFS:
		strbuf_addf(out, "fresh, %" PRIu64 " MiB", mount->size / MIB);
		break;
	case MOUNT_DATA:
		strbuf_puts(out, "generated");
		break;
	case MOUNT_PROC:
	case MOUNT_DEV:
		strbuf_puts(out, "fresh, minimal");
		break;
	case MOUNT_BIND_HOST:
	case MOUNT_DEVICE:
		strbuf_puts(out, "the host's");
		break;
	case MOUNT_MASK_FILE:
	case MOUNT_MASK_DIRECTORY:
	case MOUNT_CLOSED:
		break;
	}
	strbuf_putc(out, '\n');
}

static bool is_mask(const struct mount *mount)
{
	return mount->kind == MOUNT_MASK_FILE || mount->kind == MOUNT_MASK_DIRECTORY;
}

static bool is_closed(const struct mount *mount)
{
	return mount->kind == MOUNT_CLOSED;
}

/* There are many, and which they are matters to few: one paragraph. */
static void put_paths(struct strbuf *out, const struct mount_list *mounts, const char *label,
	bool (*is_one)(const struct mount *mount))
{
	size_t line = out->len;
	size_t indent = strlen(label);
	bool any = false;

	for (size_t i = 0; i < mounts->len; i++) {
		const char *path = mounts->items[i].path;

		if (!is_one(&mounts->items[i]))
			continue;
		if (!any)
			strbuf_puts(out, label);
		any = true;
		put_word(out, &line, path, strlen(path), indent);
	}
	if (any)
		strbuf_putc(out, '\n');
}

static void put_mounts(struct strbuf *out, const struct ks_plan *plan)
{
	size_t width = 0;

	for (size_t i = 0; i < plan->mounts.len; i++) {
		size_t len = strlen(plan->mounts.items[i].path);

		if (len > width && len <= 48)
			width = len;
	}
	strbuf_puts(out, "\nmounts\n");
	for (size_t i = 0; i < plan->mounts.len; i++)
		if (!is_mask(&plan->mounts.items[i]) && !is_closed(&plan->mounts.items[i]))
			put_mount(out, plan, &plan->mounts.items[i], width);
	put_paths(out, &plan->mounts, "  covered up: ", is_mask);
	put_paths(out, &plan->mounts, "  closed by their modes: ", is_closed);
}

static void put_names(
	struct strbuf *out, const char *label, uint64_t mask, const char *(*name)(unsigned bit))
{
	size_t line = out->len;
	size_t indent = strlen(label) + 2;

	if (!mask)
		return;
	strbuf_addf(out, "%s  ", label);
	for (unsigned bit = 0; name(bit); bit++)
		if (mask & LANDLOCK_BIT(bit))
			put_word(out, &line, name(bit), strlen(name(bit)), indent);
	strbuf_putc(out, '\n');
}

/* What people tell apart; the rights one by one are in the JSON form. */
static const char *rule_word(const struct landlock_rule *rule)
{
	bool write = rule->access & LANDLOCK_BIT(FS_WRITE_FILE);
	bool execute = rule->access & LANDLOCK_BIT(FS_EXECUTE);
	bool read = rule->access & LANDLOCK_BIT(FS_READ_FILE);

	if (!read)
		return "list";
	if (write)
		return execute ? "read write execute" : "read write";
	return execute ? "read execute" : "read";
}

static void put_landlock(struct strbuf *out, const struct landlock_plan *landlock)
{
	if (!landlock->abi)
		return;
	strbuf_addf(out, "\nLandlock, ABI %d\n", landlock->abi);
	put_names(out, "  files  ", landlock->handled_fs, landlock_fs_name);
	put_names(out, "  network", landlock->handled_net, landlock_net_name);
	put_names(out, "  scopes ", landlock->scoped, landlock_scope_name);
	for (size_t i = 0; i < landlock->n_rules; i++) {
		size_t start = out->len;

		strbuf_addf(out, "  %s", rule_word(&landlock->rules[i]));
		pad(out, start, 22);
		quote_shell(out, landlock->rules[i].path);
		strbuf_putc(out, '\n');
	}
}

static void put_command(struct strbuf *out, const char *label, const struct strv *argv)
{
	size_t line = out->len;
	size_t indent = strlen(label);

	strbuf_puts(out, label);
	for (size_t i = 0; i < argv->len;) {
		autostrbuf struct strbuf word;

		/* An option stays on one line with what belongs to it. */
		strbuf_init(&word, KS_MAX_TEXT);
		quote_shell(&word, argv->items[i]);
		for (i++; i < argv->len && strncmp(argv->items[i], "--", 2) != 0; i++) {
			strbuf_putc(&word, ' ');
			quote_shell(&word, argv->items[i]);
		}
		if (word.error && !out->error)
			out->error = word.error;
		put_word(out, &line, word.data ? word.data : "", word.len, indent);
	}
	strbuf_putc(out, '\n');
}

static void put_identity(struct strbuf *out, const struct identity_plan *identity)
{
	size_t line = out->len;
	autostrbuf struct strbuf text;

	strbuf_init(&text, KS_MAX_TEXT);
	if (identity->on_host && identity->drop)
		strbuf_puts(&text, "a user and a group of its own, that own nothing here");
	else if (identity->on_host)
		strbuf_addf(&text, "user %u, group %u: the caller's", identity->uid, identity->gid);
	else
		strbuf_addf(&text, "user %u, group %u inside; to the kernel %s%s", identity->uid,
			identity->gid,
			identity->drop ? "ids that own nothing here" : "the caller's ids",
			identity->idmap ? "; grants are shown with mapped ids" : "");
	if (text.error && !out->error)
		out->error = text.error;
	strbuf_puts(out, "identity");
	put_text(out, line, strlen("identity  "), text.data);
}

static void put_worker(struct strbuf *out, const struct ks_plan *plan)
{
	strbuf_addf(out, "backend   %s\n", ks_backend_kind_name(plan->kind));
	write_evidence(out, plan);
	if (plan->argv.len)
		put_command(out, "program   ", &plan->argv);
	strbuf_puts(out, "cwd       ");
	quote_shell(out, plan->cwd ? plan->cwd : "/");
	strbuf_putc(out, '\n');
	put_identity(out, &plan->identity);
	if (plan->network == NETWORK_PROXY)
		strbuf_puts(out, "network   one of its own, which leads to the egress proxy\n");
	if (plan->network == NETWORK_DOOR)
		strbuf_puts(out,
			"network   the egress proxy's socket alone, named by KASTELLAN_PROXY\n");
	if (plan->network == NETWORK_HOST)
		strbuf_puts(out, "network   the host's\n");
	if (plan->filter.enabled || !plan->evidence)
		strbuf_addf(out, "filter    %s%s%s\n",
			plan->filter.enabled ? policy_profile_name(plan->filter.profile) : "none",
			plan->filter.enabled && plan->filter.on_host ? ", without namespaces" : "",
			plan->filter.notify ? ", denied calls are told by name" : "");
	if (plan->tty)
		strbuf_puts(out, "terminal  one of its own\n");
	if (plan->temporary)
		strbuf_addf(out, "temporary a new directory in %s%s\n", plan->temporary,
			plan->temporary_named ? ", named by TMPDIR" : "");
	strbuf_putc(out, '\n');
}

int plan_write_text(const struct ks_plan *plan, char **ret_text)
{
	autostrbuf struct strbuf out;

	strbuf_init(&out, KS_MAX_TEXT);
	put_worker(&out, plan);
	put_receipt(&out, &plan->receipt);
	if (plan->mounts.len)
		put_mounts(&out, plan);
	put_landlock(&out, &plan->landlock);
	write_seatbelt(&out, &plan->seatbelt);
	write_limits(&out, plan);
	write_vm(&out, &plan->vm);
	if (plan->helper.len) {
		strbuf_puts(&out, "\nhelper\n");
		put_command(&out, "  ", &plan->helper);
	}
	return strbuf_take(&out, ret_text, NULL);
}
