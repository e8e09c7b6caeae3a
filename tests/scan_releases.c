/*
 * Releases of real libraries, as Debian carries them in source: the one of bookworm
 * and the next one. What elfscan says of each pair is argued here from what a program
 * would meet that was compiled for the old release.
 *
 * Each pair is judged twice: as it stands, and with --headers for the headers that
 * the library installs. The old release is compiled by another compiler as well, with
 * other flags; between these two builds nothing may be found.
 *
 * The sources are fetched once, into the user's cache; without a network the pairs
 * that lack theirs are skipped. CK_RUN_CASE=zlib runs one pair.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/own.h"
#include "tests/support_scan.h"

#define SOURCES "tests/releases/sources.py"

struct release {
	const char *path; /* below pool/main of a Debian mirror */
	const char *sha256;
	const char *day; /* on which the archive had it */
	const char *soname;
};

/*
 * Ids, separated by "; ". Those of findings by which programs break are all that
 * there may be, unless "..." stands behind them; the others are some of many, with
 * "live" before those of live state.
 */
struct verdict {
	int status;
	const char *breaks;
	const char *others;
};

struct pair {
	const char *name;
	const char *folder;  /* in which the sources lie */
	const char *headers; /* which the library installs */
	const char *prepare; /* what a configure script would do here */
	const char *flags, *sources;
	const char *compiler, *other_compiler;
	struct release old, new;
	struct verdict inferred, with_headers;
};

#define GCC   "gcc -g -O1"
#define CLANG "clang -O0 -gdwarf-4"

/* clang-format off: an argument before each pair */
static const struct pair pairs[] = {
	/*
	 * All definitions went from K&R style to prototypes. The calls are the same:
	 * the headers had prototypes before, and none has a parameter that K&R style
	 * would widen. Of two functions, each compiler takes the typedef of the result
	 * from another declaration, which does not matter. gzFile_s, of which the macro
	 * gzgetc() reads three members inside the program, stayed as it was. A program
	 * notices nothing.
	 */
	{
		.name = "zlib",
		.folder = ".",
		.headers = "zlib.h zconf.h",
		.prepare = ":",
		.flags =
			"-DHAVE_UNISTD_H -DHAVE_HIDDEN -D_LARGEFILE64_SOURCE=1 "
			"-Wl,--version-script=zlib.map",
		.sources = "*.c",
		.compiler = GCC,
		.other_compiler = CLANG,
		.old = { "z/zlib/zlib_1.2.13.dfsg.orig.tar.bz2",
			 "71feb7947e3c00ef125f83b79a4e529bde31171e5babe48b391f06758d1ab0a1",
			 "20230701T000000Z", "libz.so.1" },
		.new = { "z/zlib/zlib_1.3.dfsg+really1.3.1.orig.tar.gz",
			 "60dd315c07f616887caa029408308a018ace66e3d142726a97db164b3b8f69fb",
			 "20251001T000000Z", "libz.so.1" },
		.inferred = { 0, "", "" },
		.with_headers = { 0, "", "" },
	},
	/*
	 * expat.h only declares struct XML_ParserStruct: no program knows how large
	 * it is or where a member lies, so that a program which is started anew does
	 * not notice that it grew, nor what changed behind it. A parser that is
	 * alive while the code is replaced is another matter, hence live state. Of
	 * what programs see there are functions and enumerators more, and an old
	 * program never gets a new error code as long as it does what it did. The
	 * features are handed out as pointers to a constant array, whose end is
	 * marked; with the headers it is known that programs read them.
	 */
	{
		.name = "expat",
		.folder = "expat/lib",
		.headers = "expat.h expat_external.h",
		.prepare = ": >expat_config.h",
		.flags = "-I. -DXML_GE=1 -DXML_DTD -DXML_NS "
			 "-DXML_CONTEXT_BYTES=1024 -DXML_POOR_ENTROPY "
			 "-DBYTEORDER=1234 -DXML_ENABLE_VISIBILITY=1 "
			 "-fvisibility=hidden",
		.sources = "xmlparse.c xmlrole.c xmltok.c",
		.compiler = GCC,
		.other_compiler = CLANG,
		.old = { "e/expat/expat_2.5.0.orig.tar.gz",
			 "ab00ee05c7067fd10a35c5d2a4922ebba746ddd50ff83b79c828da17bbdf1757",
			 "20230701T000000Z", "libexpat.so.1" },
		.new = { "e/expat/expat_2.8.3.orig.tar.gz",
			 "533659a16e0184035a99fd8e783f1ad61a887a7bf8586a8681740b9d7ed42389",
			 "20261115T000000Z", "libexpat.so.1" },
		.inferred = { 4, "",
			      "live layout:struct XML_ParserStruct; "
			      "live layout:STRING_POOL; "
			      "enum-compatible:enum XML_Error; "
			      "live enum-compatible:enum XML_FeatureEnum; "
			      "symbol-added:XML_SetReparseDeferralEnabled" },
		.with_headers = { 4, "",
				  "live layout:struct XML_ParserStruct; "
				  "enum-compatible:enum XML_FeatureEnum" },
	},
	/*
	 * Since 1.5, png_struct and png_info are the library's own: programs get
	 * them from png_create_...() and ask functions for what is inside. Both
	 * changed. The rest is new functions for new chunks, names of parameters,
	 * and FILE * in place of a typedef of it. The version script is the one that
	 * libpng makes of its header; without it, internals that were exported and
	 * are gone would rightly count, though no header has them.
	 */
	{
		.name = "libpng",
		.folder = ".",
		.headers = "png.h pngconf.h pnglibconf.h",
		.prepare =
			"cp scripts/pnglibconf.h.prebuilt pnglibconf.h && "
			"{ echo 'PNG16_0 { global:' && "
			"gcc -E '-DPNG_EXPORTA(a,b,name,c,d)=@name;' png.h | "
			"grep -o '@png_[a-zA-Z_0-9]*;' | tr -d @ && "
			"echo 'local: *; };'; } >png.map",
		.flags = "-DPNG_INTEL_SSE_OPT=0 -Wl,--version-script=png.map",
		.sources = "png.c png[egmprstw]*.c",
		.compiler = GCC,
		.other_compiler = CLANG,
		.old = { "libp/libpng1.6/libpng1.6_1.6.39.orig.tar.gz",
			 "a00e9d2f2f664186e4202db9299397f851aea71b36a35e74910b8820e380d441",
			 "20230701T000000Z", "libpng16.so.16" },
		.new = { "libp/libpng1.6/libpng1.6_1.6.48.orig.tar.gz",
			 "b17e99026055727e8cba99160c3a9a7f9af788e9f786daeadded5a42243f1dd0",
			 "20251001T000000Z", "libpng16.so.16" },
		.inferred = { 4, "",
			      "live layout:struct png_struct_def; "
			      "live layout:struct png_info_def; "
			      "parameter-spelling:png_init_io; "
			      "symbol-added:png_get_cICP" },
		.with_headers = { 4, "",
				  "live layout:struct png_struct_def; "
				  "live layout:struct png_info_def" },
	},
	/*
	 * Three years of mended bugs: the header has one macro more, and nothing of
	 * what a program was compiled with is another. struct cJSON, into which
	 * programs look, is the same.
	 */
	{
		.name = "cjson",
		.folder = ".",
		.headers = "cJSON.h",
		.prepare = ":",
		.flags = "-DCJSON_EXPORT_SYMBOLS -DCJSON_API_VISIBILITY "
			 "-fvisibility=hidden",
		.sources = "cJSON.c",
		.compiler = GCC,
		.other_compiler = CLANG,
		.old = { "c/cjson/cjson_1.7.15.orig.tar.gz",
			 "5308fd4bd90cef7aa060558514de6a1a4a0819974a26e6ed13973c5f624c24b2",
			 "20230701T000000Z", "libcjson.so.1" },
		.new = { "c/cjson/cjson_1.7.18.orig.tar.gz",
			 "3aa806844a03442c00769b83e99970be70fbef03735ff898f4811dd03b9f5ee5",
			 "20251001T000000Z", "libcjson.so.1" },
		.inferred = { 0, "", "" },
		.with_headers = { 0, "", "" },
	},
	/*
	 * Two libraries that are installed side by side, and must be. A program for
	 * 5.3 calls functions that are gone: lua_newuserdata() is a macro in 5.4. It
	 * passes three arguments to lua_resume(), which writes to where the fourth
	 * would point. It follows what lua_version() returns as a pointer, when the
	 * number is in another register. lua_gc() finds its third argument among
	 * the unnamed ones, and a program says nothing in %al. luaL_Buffer, which
	 * programs have on the stack, shrank.
	 *
	 * lua_Debug is such a struct, too: lua_getinfo() fills what the program has
	 * made, and is now larger. But hooks get one from the library, so the guess
	 * is that it makes them all; the headers tell.
	 */
	{
		.name = "lua",
		.folder = "src",
		.headers = "lua.h luaconf.h lualib.h lauxlib.h",
		.prepare = "rm lua.c luac.c",
		.flags = "-DLUA_USE_LINUX -DLUA_COMPAT_5_2 -DLUA_COMPAT_5_3",
		.sources = "*.c",
		.compiler = GCC,
		.other_compiler = CLANG,
		.old = { "l/lua5.3/lua5.3_5.3.6.orig.tar.gz",
			 "fc5fd69bb8736323f026672b1b7235da613d7177e72558893a0bdcd320466d60",
			 "20230701T000000Z", "liblua5.3.so.0" },
		.new = { "l/lua5.4/lua5.4_5.4.4.orig.tar.gz",
			 "164c7849653b80ae67bec4b7473b884bf5cc8d2dca05653475ec2ed27b9ebf61",
			 "20230701T000000Z", "liblua5.4.so.0" },
		.inferred = { 12,
			      "soname:old.so; symbol-removed:lua_newuserdata; "
			      "symbol-removed:lua_getuservalue; "
			      "symbol-removed:lua_setuservalue; "
			      "symbol-removed:luaopen_bit32; "
			      "parameter-count:lua_resume; "
			      "parameter-variadic:lua_gc; "
			      "return-type:lua_version; "
			      "layout:struct luaL_Buffer",
			      "live layout:struct lua_State; "
			      "live layout:struct lua_Debug; "
			      "symbol-added:lua_newuserdatauv" },
		.with_headers = { 12,
				  "soname:old.so; "
				  "symbol-removed:lua_newuserdata; "
				  "symbol-removed:lua_getuservalue; "
				  "symbol-removed:lua_setuservalue; "
				  "symbol-removed:luaopen_bit32; "
				  "parameter-count:lua_resume; "
				  "parameter-variadic:lua_gc; "
				  "return-type:lua_version; "
				  "layout:struct luaL_Buffer; "
				  "layout:struct lua_Debug",
				  "live layout:struct lua_State" },
	},
	/*
	 * Every program reads context->err, which was at offset 0, where there is a
	 * pointer to functions now. As the library makes all contexts, this is taken
	 * for its own affair, until the headers say that programs see the struct;
	 * then what hangs on it breaks programs as well. Whatever the guess, others
	 * suffice: a program that reads replies in its own way passes a table of
	 * five functions where seven are read, and these look for the parent of a
	 * task where it was; the upper half of an int that it
	 * passes to sdsrange() is anything; of a length beyond 2 GiB it gets the
	 * lower half; and the SONAME says all of it.
	 *
	 * (redisCommand() returns void *, behind which is a redisReply: no type
	 * leads to it, so no scanner of types finds what changed there.)
	 */
	{
		.name = "hiredis",
		.folder = ".",
		.headers = "hiredis.h async.h read.h sds.h alloc.h",
		.prepare = ":",
		.flags = "",
		.sources = "alloc.c async.c hiredis.c net.c read.c sds.c",
		.compiler = GCC,
		.other_compiler = CLANG,
		.old = { "h/hiredis/hiredis_0.14.1.orig.tar.gz",
			 "2663b2aed9fd430507e30fc5e63274ee40cdd1a296026e22eafd7d99b01c8913",
			 "20230701T000000Z", "libhiredis.so.0.14" },
		.new = { "h/hiredis/hiredis_1.2.0.orig.tar.gz",
			 "82ad632d31ee05da13b537c124f819eb88e18851d9cb0c30ae0552084811588c",
			 "20251001T000000Z", "libhiredis.so.1.1.0" },
		.inferred = { 12,
			      "soname:old.so; "
			      "layout:struct redisReadTask; "
			      "layout:struct redisReplyObjectFunctions; "
			      "parameter-type:sdsrange; "
			      "return-type:redisFormatCommandArgv; "
			      "return-type:redisFormatSdsCommandArgv; "
			      "symbol-removed:hi_calloc; symbol-removed:hi_malloc; "
			      "symbol-removed:hi_realloc; symbol-removed:hi_strdup; "
			      "symbol-removed:is_hex_digit",
			      "live layout:struct redisContext; "
			      "live layout:struct redisReader; "
			      "return-type:sdsrange" },
		.with_headers = { 12,
				  "layout:struct redisContext; "
				  "layout:struct redisAsyncContext; "
				  "layout:struct redisReader; "
				  "soname:old.so; ...",
				  "enum-compatible:enum redisConnectionType" },
	},
	/*
	 * Programs have documents and printers on the stack, and made room for what
	 * they were; the constructors in the library fill more. What grew are their
	 * arrays, whose sizes were int and are size_t. Document and printer just
	 * follow, so they are not named.
	 *
	 * The other compiler is g++ again: clang exports no complete constructor of
	 * an abstract class, which nobody can call.
	 */
	{
		.name = "tinyxml2",
		.folder = ".",
		.headers = "tinyxml2.h",
		.prepare = ":",
		.flags = "",
		.sources = "tinyxml2.cpp",
		.compiler = "g++ -g -O1",
		.other_compiler = "g++ -O0 -gdwarf-4",
		.old = { "t/tinyxml2/tinyxml2_9.0.0+dfsg.orig.tar.xz",
			 "96510f47a5db537f70dff3e83dd71fd2180cbba4aa76c589a549467e7f34bc9b",
			 "20230701T000000Z", "libtinyxml2.so.9" },
		.new = { "t/tinyxml2/tinyxml2_11.0.0+dfsg.orig.tar.xz",
			 "1346241d0891464c44ce6838527bdc616f96da308d128d6e9a6ec6987db2ac8a",
			 "20251001T000000Z", "libtinyxml2.so.11" },
		.inferred = { 12,
			      "soname:old.so; "
			      "layout:class tinyxml2::DynArray<char, 20>; "
			      "layout:class tinyxml2::DynArray<char const*, 10>; "
			      "layout:class tinyxml2::MemPoolT<104>; ...",
			      "enum-compatible:enum tinyxml2::Whitespace" },
		.with_headers = { 12,
				  "soname:old.so; "
				  "layout:class tinyxml2::DynArray<char, 20>; ...",
				  "enum-compatible:enum tinyxml2::Whitespace" },
	},
};
/* clang-format on */

enum { N_PAIRS = sizeof(pairs) / sizeof(pairs[0]) };

/* --- sources ------------------------------------------------------------------ */

static char cache[400];

/* The user's cache, or the build folder where there is none. */
static void choose_cache(void)
{
	const char *folders[] = { getenv("XDG_CACHE_HOME"), getenv("HOME") };
	const char *build = getenv("HOTINJECT_BUILD");

	for (int i = 0; i < 2; i++) {
		if (!folders[i] || access(folders[i], W_OK) != 0)
			continue;
		snprintf(cache, sizeof(cache), "%s%s/hotinject-releases",
			 folders[i], i ? "/.cache" : "");
		return;
	}
	snprintf(cache, sizeof(cache), "%s/releases", build ? build : "build");
}

static const char *get_file(const struct release *release)
{
	static char path[600];

	snprintf(path, sizeof(path), "%s%s", cache,
		 strrchr(release->path, '/'));
	return path;
}

/* Once for all tests; which files are there afterwards, each test sees itself. */
static void fetch_all(void)
{
	char *HI_FREE command = NULL;
	FILE *list;

	if (asprintf(&command, "/usr/bin/python3 %s fetch '%s'", SOURCES,
		     cache) < 0)
		abort();
	/* NOLINTNEXTLINE(cert-env33-c): the path is found as everywhere */
	list = popen(command, "we");
	for (int i = 0; list && i < N_PAIRS; i++) {
		const struct release *both[] = { &pairs[i].old, &pairs[i].new };

		for (int k = 0; k < 2; k++)
			fprintf(list, "%s %s %s\n", both[k]->path,
				both[k]->sha256, both[k]->day);
	}
	if (list)
		(void)pclose(list);
}

static bool has_sources(const struct pair *pair)
{
	const struct release *both[] = { &pair->old, &pair->new };

	for (int i = 0; i < 2; i++) {
		const char *file = get_file(both[i]);

		if (access(file, R_OK) == 0)
			continue;
		printf("skip: the releases of %s (needs the network, or %s)\n",
		       pair->name, file);
		fflush(stdout);
		return false;
	}
	return true;
}

static void unpack(struct support *scene, const struct pair *pair,
		   const struct release *release, const char *name)
{
	support_shell(scene,
		      "/usr/bin/python3 '%s' unpack '%s' '%s' %s && "
		      "cd %s && %s",
		      support_source(scene, SOURCES), get_file(release),
		      pair->folder, name, name, pair->prepare);
}

/* --- builds ------------------------------------------------------------------- */

/* All three at once: each compiler takes its time. */
static void compile(struct support *scene, const struct pair *pair)
{
	static const char *const names[] = { "old", "new", "same" };
	char *HI_FREE command = NULL;
	size_t len;
	FILE *file = open_memstream(&command, &len);

	ck_assert_ptr_nonnull(file);
	for (int i = 0; i < 3; i++)
		fprintf(file,
			"(cd %s && %s -w -shared -fPIC -Wl,--no-as-needed "
			"-Wl,-soname,%s -o ../%s.so %s %s) & "
			"pids=\"$pids $!\"; ",
			i == 1 ? "new" : "old",
			i == 2 ? pair->other_compiler : pair->compiler,
			i == 1 ? pair->new.soname : pair->old.soname, names[i],
			pair->sources, pair->flags);
	fputs("for pid in $pids; do wait $pid || exit 1; done", file);
	fclose(file);
	support_shell(scene, "%s", command);
	support_shell(scene, "mkdir include && cd new && cp %s ../include",
		      pair->headers);
}

/* --- verdicts ----------------------------------------------------------------- */

static const char *get(json_t *finding, const char *key)
{
	return json_string_value(json_object_get(finding, key));
}

/* Of what breaks programs, or of the rest. */
static char *list_findings(json_t *root, bool is_rest)
{
	json_t *findings = json_object_get(root, "findings"), *finding;
	char *text = NULL;
	size_t len, i;
	FILE *file = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(file);
	json_array_foreach(findings, i, finding) {
		bool is_live = !strcmp(get(finding, "scope"), "live-state");
		bool breaks = !is_live &&
			      !strcmp(get(finding, "severity"), "incompatible");

		if (breaks != is_rest)
			fprintf(file, "%s%s; ", is_live ? "live " : "",
				get(finding, "id"));
	}
	fclose(file);
	return text;
}

/* The first of PARTS that is not in LIST; NULL when all are. The caller frees it. */
static char *find_missing(const char *parts, const char *list)
{
	char *HI_FREE left = strdup(parts);
	char *HI_FREE all = NULL;

	ck_assert_int_gt(asprintf(&all, "; %s; ", list), 0);
	for (char *at = left, *end; *at; at = end) {
		char *HI_FREE one = NULL;

		end = strstr(at, "; ");
		if (end) {
			*end = '\0';
			end += 2;
		} else {
			end = at + strlen(at);
		}
		ck_assert_int_gt(asprintf(&one, "; %s; ", at), 0);
		if (strcmp(at, "...") != 0 && !strstr(all, one))
			return strdup(at);
	}
	return NULL;
}

static void expect(struct support *scene, const char *arguments,
		   const struct verdict *verdict)
{
	int status = support_scan(scene, "diff --format=json %s", arguments);
	json_t *root = support_scan_json(scene);
	char *HI_FREE breaks = list_findings(root, false);
	char *HI_FREE others = list_findings(root, true);
	char *HI_FREE missing = find_missing(verdict->breaks, breaks);
	char *HI_FREE surplus = NULL;

	json_decref(root);
	if (!strstr(verdict->breaks, "..."))
		surplus = find_missing(breaks, verdict->breaks);
	if (!missing)
		missing = find_missing(verdict->others, others);
	if (status != verdict->status || missing || surplus)
		support_fail(scene,
			     "elfscan diff %s: %d, expected %d; missing '%s', "
			     "not expected '%s'; breaks '%s', others '%s'",
			     arguments, status, verdict->status,
			     missing ? missing : "", surplus ? surplus : "",
			     breaks, others);
}

START_TEST(releases_are_judged_as_argued)
{
	const struct pair *pair = &pairs[_i];
	struct support *scene;

	if (!has_sources(pair))
		return;
	scene = support_scan_new(pair->name);
	unpack(scene, pair, &pair->old, "old");
	unpack(scene, pair, &pair->new, "new");
	compile(scene, pair);
	expect(scene, "old.so new.so", &pair->inferred);
	expect(scene, "--headers=include old.so new.so", &pair->with_headers);
	support_scan_expect(scene, 0, "diff old.so same.so");
	support_scan_expect(scene, 0, "diff same.so old.so");
	support_free(scene);
}
END_TEST

static void add_releases(Suite *suite)
{
	for (int i = 0; i < N_PAIRS; i++)
		tcase_add_loop_test(support_tcase(suite, pairs[i].name),
				    releases_are_judged_as_argued, i, i + 1);
}

int main(void)
{
	choose_cache();
	fetch_all();
	return support_main("scan_releases", add_releases);
}
