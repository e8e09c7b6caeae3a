#include "tests/support_case.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

/* A source file and the compiler for its language. */
struct source {
	const char *path;
	const char *compiler;
	bool rust;
};

const struct support_variant support_plain_variant = {
	"plain", "gcc", "bfd", "-O2 -g", "", "",
};

static bool try_source(struct support *scene, const char *folder,
		       const char *name, const struct support_variant *variant,
		       struct source *ret_source)
{
	bool clang = !strcmp(variant->cc, "clang");
	const struct {
		const char *ending, *compiler;
	} languages[] = {
		{ "c", variant->cc },
		{ "cc", clang ? "clang++ -std=gnu++17" : "g++ -std=gnu++17" },
		{ "rs", "rustc" },
	};
	char file[600];

	for (size_t i = 0; i < sizeof(languages) / sizeof(*languages); i++) {
		snprintf(file, sizeof(file), "%s/%s.%s", folder, name,
			 languages[i].ending);
		if (access(support_source(scene, file), R_OK) != 0)
			continue;
		ret_source->path = support_source(scene, file);
		ret_source->compiler = languages[i].compiler;
		ret_source->rust = languages[i].ending[0] == 'r';
		return true;
	}
	return false;
}

/*
 * COMPILER OPTIONS LINKING -o OUTPUT SOURCE. With one of many linkers the object file
 * is made once for all of them: compiling takes longer than all the rest.
 */
static void compile(struct support *scene, const char *folder,
		    const struct support_variant *variant,
		    const struct source *source, const char *options,
		    const char *linking, const char *output)
{
	const char *from = source->path;
	char command[3000], object[60];
	int len = snprintf(command, sizeof(command),
			   "%s -Wall -D_GNU_SOURCE -I$case -I$case/.. %s",
			   source->compiler, options);
	uint64_t hash;

	if (len < 0 || (size_t)len >= sizeof(command))
		support_fail(scene, "too many options for %s", from);
	if (variant != &support_plain_variant) {
		hash = XXH3_64bits(folder, strlen(folder));
		hash = XXH3_64bits_withSeed(from, strlen(from), hash);
		hash = XXH3_64bits_withSeed(command, (size_t)len, hash);
		snprintf(object, sizeof(object), "../.objects/%016lx.o",
			 (unsigned long)hash);
		support_shell(scene,
			      "case=%s; mkdir -p ../.objects; test -e %s ||"
			      " %s -c -o %s %s",
			      support_source(scene, folder), object, command,
			      object, from);
		from = object;
	}
	support_shell(scene, "case=%s; %s -fuse-ld=%s -o %s %s %s",
		      support_source(scene, folder), command, variant->linker,
		      output, from, linking);
}

const char *support_compile_worker(struct support *scene, const char *folder,
				   const struct support_variant *variant,
				   const char *flags, unsigned int number)
{
	char name[60], output[60], options[2000];
	struct source source;

	snprintf(output, sizeof(output), "build.%u.so", number);
	snprintf(options, sizeof(options),
		 "-fPIC -shared -DBUILD=%u -Wl,-soname,libworker.so %s %s %s",
		 number, variant->flags, variant->worker_flags, flags);
	snprintf(name, sizeof(name), "worker.%u", number);
	if (!try_source(scene, folder, name, variant, &source) &&
	    !try_source(scene, folder, "worker", variant, &source))
		support_fail(scene, "no source of build %u in %s", number,
			     folder);
	if (source.rust)
		support_shell(scene,
			      "rustc --crate-type=cdylib --crate-name=worker"
			      " -C link-arg=-Wl,-soname,libworker.so"
			      " -g %s -o %s %s",
			      flags, output, source.path);
	else
		compile(scene, folder, variant, &source, options, "", output);
	return support_path(scene, output);
}

void support_compile_host(struct support *scene, const char *folder,
			  const struct support_variant *variant,
			  const char *flags)
{
	struct source source;
	char options[2000];

	if (!try_source(scene, folder, "host", variant, &source) &&
	    !try_source(scene, "tests/cases", "host", variant, &source))
		support_fail(scene, "no source of the host in %s", folder);
	snprintf(options, sizeof(options), "%s %s %s", variant->flags,
		 variant->host_flags, flags);
	/* A host that names nothing of the worker is not linked with it. */
	compile(scene, folder, variant, &source, options,
		"-Wl,--as-needed -L. -lworker -Wl,-rpath,'$ORIGIN'"
		" -pthread -ldl",
		"host");
}
