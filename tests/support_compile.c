#include "tests/support_case.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

const char *support_compile_worker(struct support *scene, const char *folder,
				   const struct support_variant *variant,
				   const char *flags, unsigned int number)
{
	char name[60], output[60];
	struct source source;

	snprintf(output, sizeof(output), "build.%u.so", number);
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
		support_shell(
			scene,
			"case=%s; %s -Wall -D_GNU_SOURCE -fPIC -shared -fuse-ld=%s"
			" -DBUILD=%u -I$case -I$case/.."
			" -Wl,-soname,libworker.so %s %s %s -o %s %s",
			support_source(scene, folder), source.compiler,
			variant->linker, number, variant->flags,
			variant->worker_flags, flags, output, source.path);
	return support_path(scene, output);
}

void support_compile_host(struct support *scene, const char *folder,
			  const struct support_variant *variant,
			  const char *flags)
{
	struct source source;

	if (!try_source(scene, folder, "host", variant, &source) &&
	    !try_source(scene, "tests/cases", "host", variant, &source))
		support_fail(scene, "no source of the host in %s", folder);
	/* A host that names nothing of the worker is not linked with it. */
	support_shell(
		scene,
		"case=%s; %s -Wall -D_GNU_SOURCE -fuse-ld=%s -I$case -I$case/.."
		" %s %s %s -o host %s"
		" -Wl,--as-needed -L. -lworker -Wl,-rpath,'$ORIGIN'"
		" -pthread -ldl",
		support_source(scene, folder), source.compiler, variant->linker,
		variant->flags, variant->host_flags, flags, source.path);
}
