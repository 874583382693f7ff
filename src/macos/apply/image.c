/* SPDX-License-Identifier: Apache-2.0 */
/* Asks container for an image of its store; nothing is fetched. */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "macos/apply/answer.h"
#include "macos/plan/container_check.h"
#include "resolve/probe.h"

int image_probe(const struct ks_host *host, const char *image, ks_error **reterr)
{
	const char *const argv[] = {"container", "image", "inspect", image, NULL};
	char remedy[512];
	char text[16];
	int r = container_check_image(image, "image", reterr);

	if (r < 0)
		return r;
	r = answer_of(host->macos.container, argv, ANSWER_MS, text, sizeof(text));
	if (r == 0)
		return 0;
	if (r < 0)
		return error_set(reterr, r, ABOUT(.step = "image", .path = image),
			"image: container cannot be asked for %s: %s", image, strerror(-r));
	snprintf(remedy, sizeof(remedy), "container image pull %s", image);
	return error_set(reterr, -ENOENT,
		ABOUT(.step = "image", .field = "image", .path = image, .remedy = remedy),
		"image: %s is not in container's store, and the first worker would wait for it",
		image);
}
