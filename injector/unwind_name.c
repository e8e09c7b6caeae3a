/*
 * What stands at an address of the host: file, function, line.
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "injector/unwind_parts.h"

const char *hi_unwinder_get_module(struct hi_unwinder *unwinder, uint64_t pc)
{
	Dwfl_Module *module = dwfl_addrmodule(unwinder->dwfl, pc);
	const char *name = module ? dwfl_module_info(module, NULL, NULL, NULL,
						     NULL, NULL, NULL, NULL) :
				    NULL;
	const char *slash = name ? strrchr(name, '/') : NULL;

	return slash ? slash + 1 : name ? name : "";
}

/* The one that holds PC, or the nearest before it of those without a size. */
static const char *find_symbol(Dwfl_Module *module, uint64_t pc,
			       GElf_Off *ret_distance, GElf_Sym *ret_symbol)
{
	return module ? dwfl_module_addrinfo(module, pc, ret_distance,
					     ret_symbol, NULL, NULL, NULL) :
			NULL;
}

bool hi_unwinder_get_extent(struct hi_unwinder *unwinder, uint64_t pc,
			    uint64_t *ret_start_remote, uint64_t *ret_len)
{
	Dwfl_Module *module = dwfl_addrmodule(unwinder->dwfl, pc);
	GElf_Off distance = 0;
	GElf_Sym symbol = { .st_size = 0 };

	if (!module ||
	    !dwfl_module_addrinfo(module, pc, &distance, &symbol, NULL, NULL,
				  NULL) ||
	    distance >= symbol.st_size)
		return false;
	*ret_start_remote = pc - distance;
	*ret_len = symbol.st_size;
	return true;
}

/* The unit that holds PC. clang writes no .debug_aranges, by which libdwfl looks. */
static Dwarf_Die *find_unit(Dwfl_Module *module, uint64_t pc,
			    Dwarf_Addr *ret_bias)
{
	Dwarf_Die *unit = dwfl_module_addrdie(module, pc, ret_bias);

	if (!unit)
		do
			unit = dwfl_module_nextcu(module, unit, ret_bias);
		while (unit && dwarf_haspc(unit, pc - *ret_bias) <= 0);
	return unit;
}

/* Of a function whose symbol has been stripped. */
static const char *find_in_dwarf(Dwfl_Module *module, uint64_t pc)
{
	Dwarf_Addr bias = 0;
	Dwarf_Die *unit = find_unit(module, pc, &bias);
	Dwarf_Die *scopes = NULL;
	Dwarf_Attribute at;
	const char *name = NULL;
	int n = unit ? dwarf_getscopes(unit, pc - bias, &scopes) : 0;

	for (int i = 0; i < n && !name; i++) {
		if (dwarf_tag(&scopes[i]) != DW_TAG_subprogram)
			continue;
		name = dwarf_formstring(dwarf_attr_integrate(
			&scopes[i], DW_AT_linkage_name, &at));
		if (!name)
			name = dwarf_diename(&scopes[i]);
	}
	free(scopes);
	return name;
}

const char *hi_unwinder_get_function(struct hi_unwinder *unwinder, uint64_t pc)
{
	Dwfl_Module *module = dwfl_addrmodule(unwinder->dwfl, pc);
	GElf_Off distance = 0;
	GElf_Sym symbol;
	const char *name = find_symbol(module, pc, &distance, &symbol);

	if (name && (distance < symbol.st_size || distance == 0))
		return name;
	return module ? find_in_dwarf(module, pc) : NULL;
}

void hi_unwinder_name(struct hi_unwinder *unwinder, uint64_t pc, char *name,
		      size_t size)
{
	Dwfl_Module *module = dwfl_addrmodule(unwinder->dwfl, pc);
	const char *function = hi_unwinder_get_function(unwinder, pc);
	const char *near = NULL;
	GElf_Off distance = 0;
	GElf_Sym symbol;
	Dwarf_Addr bias = 0;

	if (function) {
		snprintf(name, size, "%s", function);
		return;
	}
	/* assembler code seldom says how long it is */
	near = find_symbol(module, pc, &distance, &symbol);
	if (module && !dwfl_module_getelf(module, &bias))
		bias = 0;
	snprintf(name, size, "%#lx%s%s%s%s", (unsigned long)(pc - bias),
		 module ? " of " : "", hi_unwinder_get_module(unwinder, pc),
		 near ? ", near " : "", near ? near : "");
}

int hi_unwinder_get_line(struct hi_unwinder *unwinder, uint64_t pc, char *path,
			 size_t size)
{
	Dwfl_Module *module = dwfl_addrmodule(unwinder->dwfl, pc);
	Dwarf_Addr bias = 0;
	Dwarf_Die *unit = module ? find_unit(module, pc, &bias) : NULL;
	Dwarf_Line *line = unit ? dwarf_getsrc_die(unit, pc - bias) : NULL;
	const char *file = line ? dwarf_linesrc(line, NULL, NULL) : NULL;
	const char *folder = NULL;
	Dwarf_Attribute place;
	int number = 0;

	path[0] = '\0';
	if (!file || dwarf_lineno(line, &number) < 0)
		return 0;
	if (file[0] != '/')
		folder = dwarf_formstring(
			dwarf_attr(unit, DW_AT_comp_dir, &place));
	snprintf(path, size, "%s%s%s", folder ? folder : "", folder ? "/" : "",
		 file);
	return number;
}

void hi_unwinder_get_where(struct hi_unwinder *unwinder, uint64_t pc,
			   char *where, size_t size)
{
	char path[PATH_MAX];
	int number = hi_unwinder_get_line(unwinder, pc, path, sizeof(path));
	const char *slash = strrchr(path, '/');

	where[0] = '\0';
	if (number > 0)
		snprintf(where, size, "%s:%d", slash ? slash + 1 : path,
			 number);
}
