/* SPDX-License-Identifier: Apache-2.0 */
#include <kastellan/tools.h>

#include "api/text_file.h"
#include "base/cleanup.h"

int ks_tools_load(const char *path, ks_tools **ret_tools, ks_error **reterr)
{
	autofree char *text = NULL;
	size_t len = 0;
	int r = text_file_read(path, "manifest", &text, &len, reterr);

	return r < 0 ? r : ks_tools_parse(text, len, path, ret_tools, reterr);
}
