/*
 * cli_parts - what the files that read the command line share; no one else includes
 * it.
 */
#ifndef HI_INJECTOR_CLI_PARTS_H
#define HI_INJECTOR_CLI_PARTS_H

#include "injector/cli.h"

struct hi_option {
	char short_name;
	const char *long_name;
	const char *argument; /* its name in --help, or NULL: takes none */
	const char *help;
	int (*handle)(struct hi_options *options, const char *value,
		      struct hi_err *err);
};

/* One after the other, in the order of --help; NULL behind the last. */
const struct hi_option *hi_cli_get_option(size_t at);
/* The option of this name, or NULL. */
const struct hi_option *hi_cli_find_long(const char *name, size_t len);
const struct hi_option *hi_cli_find_short(char name);
/* HI_E_USAGE, with the hint where to look; the sentence is there. */
int hi_cli_fail_usage(struct hi_err *err);

#endif
