/* SPDX-License-Identifier: Apache-2.0 */
/* Writes kastellan-policy(5): copies the text given as first argument, with the line @FIELDS@
 * replaced by the table of policy keys, so that manual and parser cannot disagree. */
#include <stdio.h>
#include <string.h>

#include "policy/fields.h"

static void print_text(const char *text)
{
	for (; *text; text++) {
		/* What scdoc would take as markup. */
		if (strchr("*_\\[", *text))
			putchar('\\');
		putchar(*text);
	}
}

static void print_field(const struct policy_field_info *info)
{
	printf("*");
	print_text(info->name);
	printf("*: ");
	print_text(info->type);
	if (info->unit) {
		printf(", ");
		print_text(info->unit);
	}
	printf("\n\t");
	print_text(info->meaning);
	if (info->maximum && strncmp(info->type, "integer", 7) == 0)
		printf("\n\tFrom %llu to %llu.", (unsigned long long)info->minimum,
			(unsigned long long)info->maximum);
	else if (info->maximum)
		printf("\n\tAt most %llu entries.", (unsigned long long)info->maximum);
	printf("\n\tDefault: ");
	print_text(info->default_text);
	printf(". Example: ");
	print_text(info->example);
	printf("\n\n");
}

int main(int argc, char **argv)
{
	char line[1024];
	FILE *in = argc == 2 ? fopen(argv[1], "r") : NULL;

	if (!in) {
		fprintf(stderr, "fields: cannot read %s\n", argc > 1 ? argv[1] : "(nothing)");
		return 1;
	}
	while (fgets(line, sizeof(line), in)) {
		if (strcmp(line, "@FIELDS@\n") != 0) {
			fputs(line, stdout);
			continue;
		}
		for (int field = 0; field < FIELD_COUNT; field++)
			print_field(policy_field_info((enum policy_field)field));
	}
	fclose(in);
	return fflush(stdout) != 0;
}
