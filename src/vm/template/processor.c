/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/template/processor.h"

#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

/* Rates and numbers of the moment are not the processor's. */
static bool is_lasting(const char *line)
{
	static const char *const names[] = {"vendor_id\t", "cpu family\t", "model\t",
		"model name\t", "stepping\t", "microcode\t", "flags\t", "bugs\t"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(line, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

void processor_read(const char *cpuinfo, struct strbuf *ret)
{
	while (*cpuinfo && *cpuinfo != '\n') {
		size_t len = strcspn(cpuinfo, "\n");

		if (is_lasting(cpuinfo)) {
			strbuf_add(ret, cpuinfo, len);
			strbuf_putc(ret, '\n');
		}
		cpuinfo += len + (cpuinfo[len] == '\n');
	}
}

int processor_text(struct strbuf *ret)
{
	autofree char *text = NULL;
	int r = file_read_text("/proc/cpuinfo", &text);

	if (r < 0)
		return r;
	processor_read(text, ret);
	if (ret->error)
		return ret->error;
	/* One that nothing is known of could be any. */
	return ret->len ? 0 : -ENODATA;
}
