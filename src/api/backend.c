/* SPDX-License-Identifier: Apache-2.0 */
/* The exported functions of <kastellan/backend.h> that tie the stage to this system. */
#include <kastellan/backend.h>

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "macos/plan/container_check.h"
#include "policy/say.h"
#include "resolve/kinds.h"
#include "resolve/probe.h"
#include "resolve/resolve.h"

const char *ks_backend_kind_name(enum ks_backend_kind kind)
{
	return kind_name((unsigned)kind);
}

int ks_backend_kind_from_name(const char *name, enum ks_backend_kind *ret_kind, ks_error **reterr)
{
	return kind_from_name(&platform_backends, name, ret_kind, reterr);
}

int ks_backend_probe_image(ks_backend *backend, ks_error **reterr)
{
	const char *image = ks_backend_image(backend);
	const struct ks_host *host = NULL;
	int r;

	if (!image || backend_stub(backend, NULL))
		return 0;
	r = container_check_image(image, "image", reterr);
	if (r < 0)
		return r;
	if (backend_is_described(backend))
		return error_set(reterr, -EOPNOTSUPP,
			ABOUT(.step = "image", .field = "image", .path = image,
				.remedy = phrase(
					"ask on that host: kastellan doctor --image %s", image)
						  .text),
			"image: no store of images can be asked on a host that is only described");
	r = backend_host(backend, false, &host, reterr);
	if (r == 0)
		r = backend_can_spawn(backend, host, reterr);
	return r < 0 ? r : image_probe(host, image, reterr);
}

int ks_backends_new(ks_backends **ret_backends)
{
	return backends_new(&platform_backends, host_probe, ret_backends);
}

int ks_backends_describe(
	const char *facts, size_t len, ks_backends **ret_backends, ks_error **reterr)
{
	return backends_new_described(facts, len, ret_backends, reterr);
}

int ks_backends_kind_from_name(const ks_backends *backends, const char *name,
	enum ks_backend_kind *ret_kind, ks_error **reterr)
{
	return kind_from_name(backends_table(backends), name, ret_kind, reterr);
}

int ks_backends_probe(ks_backends *backends, ks_error **reterr)
{
	const struct findings *findings;

	return backends_findings(backends, &findings, reterr);
}

int ks_backends_finding(ks_backends *backends, size_t index, struct ks_finding *ret_finding)
{
	const struct findings *findings;
	const struct findings_row *row;
	struct ks_finding finding = {.size = ret_finding->size};
	int r = backends_findings(backends, &findings, NULL);

	if (r < 0)
		return r;
	if (ret_finding->size < sizeof(ret_finding->size))
		return -EINVAL;
	if (index >= findings->len)
		return -ENOENT;
	row = &findings->rows[index];
	finding.name = row->name;
	finding.detail = row->why.detail;
	if (row->is_backend)
		finding.layer = row->why.layer;
	finding.reason = row->why.reason;
	finding.remedy = row->why.remedy;
	finding.state = row->why.state;
	finding.kind = row->kind;
	finding.is_backend = row->is_backend;
	finding.is_default = row->is_default;
	memset(ret_finding, 0, ret_finding->size);
	memcpy(ret_finding, &finding,
		finding.size < sizeof(finding) ? finding.size : sizeof(finding));
	return 0;
}

int ks_backends_json(ks_backends *backends, char **ret_text, ks_error **reterr)
{
	const struct findings *findings = NULL;
	const struct ks_host *host = NULL;
	int r = backends_findings(backends, &findings, reterr);

	if (r == 0)
		r = backends_host(backends, true, &host, reterr);
	return r < 0 ? r : findings_write_json(findings, host, ret_text);
}
