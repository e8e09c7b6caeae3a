#include "elfscan/scan_options.h"

#include <getopt.h>
#include <string.h>

static int fail_usage(struct hi_err *err)
{
	hi_err_hint(err, "see 'elfscan --help'");
	return HI_E_USAGE;
}

void hi_scan_options_help(FILE *out)
{
	fputs("usage: elfscan diff [option ...] OLD NEW\n"
	      "       elfscan dump LIBRARY\n"
	      "       elfscan check [option ...] BASELINE LIBRARY\n"
	      "\n"
	      "diff   what changed between two builds of a library\n"
	      "dump   its interface as text, to be kept in version control\n"
	      "check  as diff, for CI: a compatible change is no failure\n"
	      "\n"
	      "Each of OLD, NEW, BASELINE and LIBRARY is a shared library or what dump wrote.\n"
	      "\n"
	      "  --format=FORMAT  text (default), json, github or sarif\n"
	      "  --host=PROGRAM   judge only what this program uses\n"
	      "  --headers=DIR    types that are not declared there are private\n"
	      "  --allow=FILE     findings that are accepted, one rule a line\n"
	      "  --strict         check: a compatible change is 4, as with diff\n"
	      "  --help, --version\n"
	      "\n"
	      "exit status: 0 the same, 4 compatible, 12 incompatible, 16 more when a part could\n"
	      "not be verified; 1 an error, 3 a wrong command line\n",
	      out);
}

static int read_format(const char *name, struct hi_scan_options *options,
		       struct hi_err *err)
{
	static const char *const names[] = { "text", "json", "github",
					     "sarif" };

	for (int i = 0; i < 4; i++)
		if (!strcmp(name, names[i])) {
			options->format = (enum hi_scan_format)i;
			return 0;
		}
	hi_fail(err, HI_E_USAGE,
		"--format is text, json, github or sarif, not '%s'", name);
	return fail_usage(err);
}

static int read_action(const char *name, struct hi_scan_options *options,
		       struct hi_err *err)
{
	if (!strcmp(name, "diff"))
		options->action = HI_SCAN_DIFF;
	else if (!strcmp(name, "dump"))
		options->action = HI_SCAN_DUMP;
	else if (!strcmp(name, "check"))
		options->action = HI_SCAN_CHECK;
	else {
		hi_fail(err, HI_E_USAGE, "'%s' is none of diff, dump and check",
			name);
		return fail_usage(err);
	}
	return 0;
}

static int read_words(int argc, char **argv, struct hi_scan_options *options,
		      struct hi_err *err)
{
	int wanted, code;

	if (argc == 0) {
		hi_fail(err, HI_E_USAGE, "diff, dump or check is missing");
		return fail_usage(err);
	}
	code = read_action(argv[0], options, err);
	if (code < 0)
		return code;
	wanted = options->action == HI_SCAN_DUMP ? 2 : 3;
	if (argc != wanted) {
		hi_fail(err, HI_E_USAGE, "%s takes %s", argv[0],
			wanted == 2 ? "one library" : "two files");
		return fail_usage(err);
	}
	options->old = argv[1];
	options->new = argv[wanted - 1];
	return 0;
}

enum {
	OPT_FORMAT = 256,
	OPT_HOST,
	OPT_HEADERS,
	OPT_ALLOW,
	OPT_STRICT,
	OPT_HELP,
	OPT_VERSION
};

static const struct option table[] = {
	{ "format", required_argument, NULL, OPT_FORMAT },
	{ "host", required_argument, NULL, OPT_HOST },
	{ "headers", required_argument, NULL, OPT_HEADERS },
	{ "allow", required_argument, NULL, OPT_ALLOW },
	{ "strict", no_argument, NULL, OPT_STRICT },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

static int handle(int option, char **argv, struct hi_scan_options *options,
		  struct hi_err *err)
{
	switch (option) {
	case OPT_FORMAT:
		return read_format(optarg, options, err);
	case OPT_HOST:
		options->host = optarg;
		return 0;
	case OPT_HEADERS:
		options->headers = optarg;
		return 0;
	case OPT_ALLOW:
		options->allow = optarg;
		return 0;
	case OPT_STRICT:
		options->strict = true;
		return 0;
	case ':':
		hi_fail(err, HI_E_USAGE, "%s needs a value", argv[optind - 1]);
		return fail_usage(err);
	default:
		hi_fail(err, HI_E_USAGE, "'%s' is no option", argv[optind - 1]);
		return fail_usage(err);
	}
}

/* The name that OPTION has in the table. */
static const char *get_name(int option)
{
	for (const struct option *at = table; at->name; at++)
		if (at->val == option)
			return at->name;
	return "";
}

static int refuse_for_dump(const char *name, struct hi_err *err)
{
	hi_fail(err, HI_E_USAGE,
		"dump takes no --%s: it writes the whole interface, and "
		"judges nothing",
		name);
	hi_err_hint(err, "give --%s to diff or check", name);
	return HI_E_USAGE;
}

int hi_scan_options_parse(int argc, char **argv,
			  struct hi_scan_options *ret_options,
			  struct hi_err *err)
{
	const char *judging = NULL;
	int option, code = 0;

	*ret_options = (struct hi_scan_options){ .action = HI_SCAN_DIFF };
	opterr = 0;
	optind = 1;
	while (code == 0 &&
	       (option = getopt_long(argc, argv, ":", table, NULL)) != -1) {
		if (option == OPT_HELP || option == OPT_VERSION) {
			ret_options->action = option == OPT_HELP ?
						      HI_SCAN_HELP :
						      HI_SCAN_VERSION;
			return 0;
		}
		code = handle(option, argv, ret_options, err);
		judging = judging ? judging : get_name(option);
	}
	if (code == 0)
		code = read_words(argc - optind, argv + optind, ret_options,
				  err);
	if (code == 0 && judging && ret_options->action == HI_SCAN_DUMP)
		code = refuse_for_dump(judging, err);
	return code;
}
