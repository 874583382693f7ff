/* SPDX-License-Identifier: Apache-2.0 */
/* kastellan doctor: what works here, what does not, and what to do about it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/backend.h"
#include "cli/cli.h"
#include "cli/options.h"

#define MOST_LAYERS 16

/* What was told of the layers, which come first. */
struct told {
	struct ks_finding layers[MOST_LAYERS];
	size_t n;
};

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* The layer at fault has said it all already. */
static bool is_told(const struct told *told, const struct ks_finding *finding)
{
	for (size_t i = 0; finding->layer && i < told->n; i++)
		if (same(told->layers[i].name, finding->layer) &&
			same(told->layers[i].reason, finding->reason) &&
			same(told->layers[i].remedy, finding->remedy))
			return true;
	return false;
}

/* One line a text, however long: a remedy is there to be copied. */
static void print_finding(struct told *told, const struct ks_finding *finding)
{
	printf("  %-12s %-8s", finding->name, ks_finding_state_name(finding->state));
	if (finding->is_default)
		fputs(" (default)", stdout);
	if (!finding->is_backend && told->n < MOST_LAYERS)
		told->layers[told->n++] = *finding;
	if (is_told(told, finding)) {
		printf(" %s: see above\n", finding->layer);
		return;
	}
	if (finding->layer && finding->remedy)
		printf(" %s:", finding->layer);
	if (finding->reason || finding->detail)
		printf(" %s", finding->reason ? finding->reason : finding->detail);
	putchar('\n');
	if (finding->remedy)
		printf("  %-12s %-8s %s\n", "", "remedy:", finding->remedy);
}

/* Returns 0, or -errno. *ret_works: the default backend holds all that a policy can ask. */
static int look_at_all(ks_backends *backends, bool print, bool *ret_works, ks_error **reterr)
{
	struct ks_finding finding = {.size = sizeof(finding)};
	struct told told = {.n = 0};
	int section = -1;
	int r = ks_backends_probe(backends, reterr);

	*ret_works = false;
	for (size_t i = 0; r == 0; i++) {
		r = ks_backends_finding(backends, i, &finding);
		if (r < 0)
			break;
		if (finding.is_default && finding.state == KS_FINDING_WORKS)
			*ret_works = true;
		if (!print)
			continue;
		if (section != finding.is_backend)
			puts(finding.is_backend ? "\nbackends" : "layers");
		section = finding.is_backend;
		print_finding(&told, &finding);
	}
	return r == -ENOENT ? 0 : r;
}

/* Before anything is looked at, as nothing of it could be told of the image. */
static int image_backend(const struct arguments *arguments, ks_backends *backends,
	ks_backend **ret_backend, ks_error **reterr)
{
	enum ks_backend_kind kind;

	if (ks_backends_kind_from_name(backends, "container", &kind, NULL) < 0)
		return error_set(reterr, -EOPNOTSUPP,
			ABOUT(.step = "image", .field = "image", .path = arguments->image,
				.remedy =
					"leave --image out; the store of the backend container is "
					"asked on a Mac"),
			"image: no backend of this host has images, so none can be looked for");
	if (ks_backends_resolve(backends, kind, arguments->image, ret_backend) < 0)
		return error_oom(reterr);
	return arguments->host_file ? ks_backend_probe_image(*ret_backend, reterr) : 0;
}

/* One that is not in the store is a finding, too; with --json the status alone tells it. */
static int look_at_image(
	const struct arguments *arguments, ks_backend *backend, bool *ret_works, ks_error **reterr)
{
	int r = ks_backend_probe_image(backend, reterr);

	if (r < 0 && r != -ENOENT)
		return r;
	*ret_works = *ret_works && r == 0;
	if (!arguments->json) {
		puts("\nimages");
		print_finding(&(struct told){.n = MOST_LAYERS},
			&(struct ks_finding){.name = arguments->image,
				.state = r == 0 ? KS_FINDING_WORKS : KS_FINDING_FAILS,
				.detail = "it is in the store",
				.reason = r == 0 ? NULL : ks_error_message(*reterr),
				.remedy = r == 0 ? NULL : ks_error_remedy(*reterr)});
	}
	ks_error_free(*reterr);
	*reterr = NULL;
	return 0;
}

static int doctor(const struct arguments *arguments, bool *ret_works, ks_error **reterr)
{
	ks_backends *backends = NULL;
	ks_backend *backend = NULL;
	char *text = NULL;
	int r = cli_backends(arguments, &backends, reterr);

	if (r == 0 && arguments->image)
		r = image_backend(arguments, backends, &backend, reterr);
	if (r == 0)
		r = look_at_all(backends, !arguments->json, ret_works, reterr);
	if (r == 0 && arguments->image)
		r = look_at_image(arguments, backend, ret_works, reterr);
	if (r == 0 && arguments->json)
		r = ks_backends_json(backends, &text, reterr);
	if (r == 0 && text)
		puts(text);
	if (r == 0 && fflush(stdout) != 0)
		r = -EIO;
	free(text);
	ks_backend_unref(backend);
	ks_backends_free(backends);
	if (r < 0 && !*reterr)
		fprintf(stderr, "kastellan: doctor: %s\n", strerror(-r));
	return r;
}

int command_doctor(int argc, char **argv)
{
	struct arguments arguments;
	ks_error *error = NULL;
	bool works = false;
	int r = arguments_parse(argc, argv, FOR_DOCTOR, &arguments, &error);

	if (r == 0 && arguments.help) {
		print_help(find_command("doctor"));
		works = true;
	} else if (r == 0 && arguments.program[0]) {
		usage_error("doctor: it takes no argument", arguments.program[0],
			"kastellan doctor, or kastellan doctor --json");
		r = -EINVAL;
	} else if (r == 0) {
		r = doctor(&arguments, &works, &error);
	}
	if (error)
		print_error(arguments.host_file, error);
	ks_error_free(error);
	arguments_done(&arguments);
	if (r < 0)
		return STATUS_FAILED;
	return works ? STATUS_OK : STATUS_NO;
}
