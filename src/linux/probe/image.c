/* SPDX-License-Identifier: Apache-2.0 */
/* No backend of Linux has images. */
#include <errno.h>

#include "base/error.h"
#include "resolve/probe.h"

int image_probe(const struct ks_host *host, const char *image, ks_error **reterr)
{
	(void)host;
	return error_set(reterr, -EOPNOTSUPP, ABOUT(.step = "image", .path = image),
		"image: no backend of Linux has images");
}
