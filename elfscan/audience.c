#include "elfscan/audience.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>

#include "common/grow.h"
#include "elfscan/debuginfod.h"
#include "elfscan/dynsym.h"
#include "elfscan/model_parts.h"

/* A sorted set of texts that it owns. */
struct names {
	char **list;
	size_t n, cap;
	bool failed;
};

struct hi_audience {
	struct hi_drift_options options;
	struct names imports; /* of the host */
	struct names types;   /* that the host's debug information describes */
	struct names files;   /* of the headers */
	bool has_types;
};

static void add(struct names *names, const char *before, const char *name)
{
	struct hi_buf text = HI_BUF_INIT;

	if (!hi_grow(&names->list, names->n, &names->cap,
		     sizeof(*names->list))) {
		names->failed = true;
		return;
	}
	hi_buf_printf(&text, "%s%s", before, name);
	names->list[names->n] = hi_buf_take(&text);
	if (names->list[names->n])
		names->n++;
	else
		names->failed = true;
}

static int compare(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

static void sort(struct names *names)
{
	if (names->n)
		qsort(names->list, names->n, sizeof(*names->list), compare);
}

static bool has(const struct names *names, const char *name)
{
	return names->n && bsearch(&name, names->list, names->n,
				   sizeof(*names->list), compare);
}

static void names_done(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->list[i]);
	free(names->list);
}

/* --- a host ----------------------------------------------------------------- */

static void add_imports(struct hi_audience *audience,
			const struct hi_image *image)
{
	const struct hi_dynsym *dynsym = hi_image_get_dynsym(image);

	for (size_t i = 1; i < dynsym->n; i++) {
		Elf64_Sym symbol = hi_dynsym_get(dynsym, i);

		/* a variable that was copied into the program is defined there */
		if (symbol.st_shndx == SHN_UNDEF ||
		    ELF64_ST_TYPE(symbol.st_info) == STT_OBJECT)
			add(&audience->imports, "",
			    hi_dynsym_get_name(dynsym, i));
	}
	sort(&audience->imports);
}

static void take_type(void *context, const char *scope, const char *name)
{
	struct hi_audience *audience = context;

	add(&audience->types, scope, name);
}

static int read_host(struct hi_audience *audience, const char *path,
		     struct hi_err *err)
{
	struct hi_image *image = NULL;
	struct hi_dies dies;
	int code = hi_image_open_any(path, &image, err);

	if (code == 0)
		code = hi_image_set_fetch(image, hi_debuginfod_fetch, err);
	if (code < 0) {
		hi_image_free(image);
		return code;
	}
	add_imports(audience, image);
	hi_dies_init(&dies, image, NULL);
	audience->has_types = dies.dwarf;
	if (dies.dwarf)
		code = hi_model_for_each_full(&dies, take_type, audience, err);
	sort(&audience->types);
	hi_dies_done(&dies);
	hi_image_free(image);
	return code;
}

static bool is_used(void *context, const struct hi_model_export *export)
{
	const struct hi_audience *audience = context;

	return has(&audience->imports, export->name);
}

/* --- headers ---------------------------------------------------------------- */

/* nftw(3) passes no context on. */
static __thread struct names *files_of_walk;

static int take_file(const char *path, const struct stat *stat, int kind,
		     struct FTW *place)
{
	(void)stat;
	if (kind == FTW_F)
		add(files_of_walk, "", path + place->base);
	return 0;
}

static int read_headers(struct hi_audience *audience, const char *path,
			struct hi_err *err)
{
	files_of_walk = &audience->files;
	if (nftw(path, take_file, 16, 0) < 0)
		return hi_fail_sys(err, "cannot read the headers in %s", path);
	if (!audience->files.n)
		return hi_fail(err, HI_E_BADELF, "there is no file in %s",
			       path);
	sort(&audience->files);
	return 0;
}

/* --- what a host sees -------------------------------------------------------- */

static int is_visible(void *context, const struct hi_model *model,
		      const struct hi_model_type *type)
{
	const struct hi_audience *audience = context;
	const char *file;
	int line;

	if (audience->has_types && *type->name != '<')
		return has(&audience->types, type->name);
	if (!audience->files.n)
		return -1;
	file = hi_model_locate(model, type->source, &line);
	return file ? has(&audience->files, file) : -1;
}

int hi_audience_new(const char *host, const char *headers,
		    struct hi_audience **ret_audience, struct hi_err *err)
{
	struct hi_audience *audience = calloc(1, sizeof(*audience));
	int code = 0;

	if (!audience)
		return hi_fail(err, HI_E_NOMEM, "no memory for the host");
	audience->options.context = audience;
	if (host) {
		code = read_host(audience, host, err);
		audience->options.is_used = is_used;
	}
	if (code == 0 && headers)
		code = read_headers(audience, headers, err);
	if (host || headers)
		audience->options.is_visible = is_visible;
	if (code == 0 && (audience->imports.failed || audience->types.failed ||
			  audience->files.failed))
		code = hi_fail(err, HI_E_NOMEM, "no memory for the host");
	if (code < 0) {
		hi_audience_free(audience);
		return code;
	}
	*ret_audience = audience;
	return 0;
}

void hi_audience_free(struct hi_audience *audience)
{
	if (!audience)
		return;
	names_done(&audience->imports);
	names_done(&audience->types);
	names_done(&audience->files);
	free(audience);
}

const struct hi_drift_options *hi_audience_get_options(
	const struct hi_audience *audience)
{
	return &audience->options;
}
