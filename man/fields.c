/* SPDX-License-Identifier: Apache-2.0 */
/* Writes kastellan-policy(5) and kastellan-tools(5): copies the text given as first argument, with
 * the lines @FIELDS@, @EGRESS@, @TOOL_KEYS@ and @IDLE_KEYS@ replaced by the tables of keys, so that
 * manual and parser cannot disagree. */
#include <stdio.h>
#include <string.h>

#include "policy/egress.h"
#include "policy/fields.h"
#include "workers/tools.h"

static void print_text(const char *text)
{
	for (; *text; text++) {
		/* What scdoc would take as markup. */
		if (strchr("*_\\[", *text))
			putchar('\\');
		putchar(*text);
	}
}

static void print_field(const char *key, const struct policy_field_info *info)
{
	printf("*");
	print_text(key);
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

static void print_fields(void)
{
	for (enum policy_field field = 0; field < FIELD_COUNT; field++)
		print_field(policy_field_name(field), policy_field_info(field));
}

static void print_settings(void)
{
	for (enum egress_setting setting = 0; setting < SETTING_COUNT; setting++)
		print_field(policy_egress_key(setting), policy_egress_info(setting));
}

static void print_keys(const struct tool_keys *keys)
{
	for (size_t i = 0; i < keys->len; i++) {
		const struct tool_key *key = &keys->rows[i];

		print_field(key->name,
			&(const struct policy_field_info){.type = key->type,
				.unit = key->unit,
				.default_text = key->default_text ? key->default_text
								  : "none, it has to be there",
				.example = key->example,
				.minimum = key->minimum,
				.maximum = key->unit ? key->maximum : 0,
				.meaning = key->meaning});
	}
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
		if (strcmp(line, "@FIELDS@\n") == 0)
			print_fields();
		else if (strcmp(line, "@EGRESS@\n") == 0)
			print_settings();
		else if (strcmp(line, "@TOOL_KEYS@\n") == 0)
			print_keys(&tool_keys);
		else if (strcmp(line, "@IDLE_KEYS@\n") == 0)
			print_keys(&idle_keys);
		else
			fputs(line, stdout);
	}
	fclose(in);
	return fflush(stdout) != 0;
}
