/*
 * Destructors without an entry of their own: where a derived class adds nothing to
 * destroy, clang lets its destructor be another name of its base's. What it takes is
 * known all the same: the symbol says of which class it is.
 */
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "elfscan/demangle.h"
#include "elfscan/model_parts.h"

/* "ns::box<int>" of "ns::box<int>::~box()"; NULL: it is no destructor. */
static char *name_class(const char *symbol)
{
	size_t len = strlen(symbol);
	char *name, *end;

	/* _ZN1AD1Ev (Itanium C++ ABI 5.1.4.3) */
	if (len < 8 || strncmp(symbol, "_ZN", 3) != 0 ||
	    symbol[len - 4] != 'D' || strcmp(symbol + len - 2, "Ev") != 0)
		return NULL;
	name = hi_demangle(symbol);
	end = name ? strstr(name, "::~") : NULL;
	if (end) {
		*end = '\0';
		return name;
	}
	free(name);
	return NULL;
}

static uint32_t read_class(struct hi_model_reader *reader, const char *name)
{
	struct hi_die entry;
	Dwarf_Die die;

	return hi_model_find_class(reader, name, &die) &&
			       hi_die_read(reader->entries, &die, &entry) ?
		       hi_model_read_end(reader, &entry) :
		       HI_TYPE_NUMBER_UNKNOWN;
}

uint32_t hi_model_read_destructor(struct hi_model_reader *reader,
				  const char *symbol)
{
	char *HI_FREE name = name_class(symbol);
	struct hi_model_type pointer = { .kind = HI_MODEL_POINTER, .name = "" };
	struct hi_model_type type = { .kind = HI_MODEL_FUNCTION,
				      .target = HI_TYPE_NUMBER_VOID,
				      .n_parts = 1 };
	bool no_matter;

	if (name)
		pointer.target = read_class(reader, name);
	if (!pointer.target)
		return HI_TYPE_NUMBER_UNKNOWN;
	type.parts = hi_model_alloc(reader->model, sizeof(*type.parts));
	if (!type.parts)
		return HI_TYPE_NUMBER_UNKNOWN;
	*type.parts = (struct hi_model_part){
		.kind = HI_PART_PARAMETER,
		.name = "this",
		.type = hi_model_intern(reader, &pointer, 0, &no_matter),
	};
	return hi_model_add_type(reader->model, &type);
}
