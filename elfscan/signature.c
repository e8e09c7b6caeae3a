#include "elfscan/signature.h"

#include <dwarf.h>
#include <stdlib.h>

#include "elfscan/dies.h"

#define PARAMETERS_MAX 256
#define ORIGINS_MAX    16

struct signature {
	Dwarf_Die parameters[PARAMETERS_MAX];
	size_t n_parameters;
	Dwarf_Die result;
	bool has_result;
};

/* --- functions ----------------------------------------------------------- */

static void add_parameters(struct signature *signature, Dwarf_Die *parent)
{
	Dwarf_Die die;

	if (dwarf_child(parent, &die))
		return;
	do {
		int tag = dwarf_tag(&die);

		if (tag == DW_TAG_GNU_formal_parameter_pack)
			add_parameters(signature, &die);
		if (tag == DW_TAG_formal_parameter &&
		    signature->n_parameters < PARAMETERS_MAX)
			signature->parameters[signature->n_parameters++] = die;
	} while (!dwarf_siblingof(&die, &die));
}

static bool step_to_origin(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Die origin;

	if (!dwarf_formref_die(dwarf_attr(die, DW_AT_abstract_origin, &attr),
			       &origin) &&
	    !dwarf_formref_die(dwarf_attr(die, DW_AT_specification, &attr),
			       &origin))
		return false;
	*die = origin;
	return true;
}

/*
 * The body that was compiled may lack parameters that the optimizer found
 * unused; the abstract function and the declaration in a class have all.
 */
static void read_signature(struct signature *ret_signature, Dwarf_Die *function)
{
	Dwarf_Die die = *function;

	ret_signature->n_parameters = 0;
	ret_signature->has_result =
		hi_type_of(function, &ret_signature->result);
	for (int i = 0; i < ORIGINS_MAX; i++) {
		size_t before = ret_signature->n_parameters;

		ret_signature->n_parameters = 0;
		add_parameters(ret_signature, &die);
		if (!ret_signature->n_parameters)
			ret_signature->n_parameters = before;
		if (!step_to_origin(&die))
			return;
	}
}

static enum hi_type_verdict compare_parameter(struct hi_types *types,
					      Dwarf_Die *old, Dwarf_Die *new,
					      size_t number,
					      hi_signature_report report,
					      void *context)
{
	struct hi_type_difference difference = { 0 };
	struct hi_buf text = HI_BUF_INIT;
	enum hi_type_verdict verdict;
	Dwarf_Die before, after;

	if (!hi_type_of(old, &before) || !hi_type_of(new, &after))
		return HI_TYPE_UNKNOWN;
	verdict = hi_type_compare(types, &before, &after, &difference);
	if (verdict == HI_TYPE_DIFFERS) {
		hi_buf_printf(&text, "parameter %zu ", number);
		if (difference.same_name) {
			hi_buf_text(&text, "changed: '");
			hi_type_name(&after, &text);
			hi_buf_text(&text, "' ");
		}
		hi_buf_text(&text, hi_buf_str(&difference.text));
		report(context, "parameter-type", hi_buf_str(&text));
	}
	hi_buf_done(&text);
	hi_buf_done(&difference.text);
	return verdict;
}

static enum hi_type_verdict compare_result(struct hi_types *types,
					   const struct signature *old,
					   const struct signature *new,
					   hi_signature_report report,
					   void *context)
{
	const Dwarf_Die *before = old->has_result ? &old->result : NULL;
	const Dwarf_Die *after = new->has_result ? &new->result : NULL;
	struct hi_type_difference difference = { 0 };
	struct hi_buf text = HI_BUF_INIT;
	enum hi_type_verdict verdict;

	verdict = hi_type_compare(types, before, after, &difference);
	if (verdict == HI_TYPE_DIFFERS) {
		hi_buf_text(&text,
			    difference.same_name ? "returns '" : "returned '");
		hi_type_name(before, &text);
		if (difference.same_name) {
			hi_buf_printf(&text, "', which %s",
				      hi_buf_str(&difference.text));
		} else {
			hi_buf_text(&text, "' and now returns '");
			hi_type_name(after, &text);
			hi_buf_text(&text, "'");
		}
		report(context, "return-type", hi_buf_str(&text));
	}
	hi_buf_done(&text);
	hi_buf_done(&difference.text);
	return verdict;
}

static enum hi_type_verdict compare_count(const struct signature *old,
					  const struct signature *new,
					  hi_signature_report report,
					  void *context)
{
	struct hi_buf text = HI_BUF_INIT;

	if (old->n_parameters == new->n_parameters)
		return HI_TYPE_SAME;
	hi_buf_printf(&text, "took %zu parameter%s and now takes %zu",
		      old->n_parameters, old->n_parameters == 1 ? "" : "s",
		      new->n_parameters);
	report(context, "parameter-count", hi_buf_str(&text));
	hi_buf_done(&text);
	return HI_TYPE_DIFFERS;
}

enum hi_type_verdict hi_signature_compare(struct hi_types *types,
					  Dwarf_Die *old, Dwarf_Die *new,
					  hi_signature_report report,
					  void *context)
{
	struct signature before, after;
	enum hi_type_verdict verdict, one;
	size_t n;

	read_signature(&before, old);
	read_signature(&after, new);
	verdict = compare_count(&before, &after, report, context);
	/* of another number of parameters, which is which cannot be said */
	n = verdict == HI_TYPE_SAME ? before.n_parameters : 0;
	for (size_t i = 0; i < n; i++) {
		one = compare_parameter(types, &before.parameters[i],
					&after.parameters[i], i + 1, report,
					context);
		if (one > verdict)
			verdict = one;
	}
	one = compare_result(types, &before, &after, report, context);
	return one > verdict ? one : verdict;
}

/* --- variables ----------------------------------------------------------- */

struct variables {
	struct hi_dies old_dies;
	struct hi_dies new_dies;
	struct hi_types types;
	struct pair {
		const struct hi_symbol *old;
		const struct hi_symbol *new;
	} * pairs;
	size_t n_pairs;
};

static bool is_writable(const struct hi_image *image,
			const struct hi_symbol *symbol)
{
	return symbol->type == HI_SYM_TLS ||
	       hi_image_get_data_kind(image, symbol->addr_link) ==
		       HI_DATA_STATE;
}

static int pair_variables(struct variables *variables,
			  const struct hi_build_facts *old,
			  const struct hi_build_facts *new, struct hi_err *err)
{
	size_t n;
	const struct hi_symbol *symbols =
		hi_symtab_get_variables(new->symtab, &n);
	int code = 0;

	variables->pairs = calloc(n + 1, sizeof(*variables->pairs));
	if (!variables->pairs)
		return hi_fail(err, HI_E_NOMEM,
			       "out of memory for the types of variables");
	for (size_t i = 0; i < n && code >= 0; i++) {
		const struct hi_symbol *symbol = &symbols[i], *twin;
		bool ambiguous;

		if (symbol->compiler_made || !symbol->size ||
		    !is_writable(new->image, symbol))
			continue;
		twin = hi_symtab_find_same(old->symtab, new->symtab, symbol,
					   &ambiguous);
		if (!twin || ambiguous || twin->size != symbol->size ||
		    twin->type != symbol->type)
			continue;
		variables->pairs[variables->n_pairs++] =
			(struct pair){ twin, symbol };
		code = hi_dies_want(&variables->old_dies, twin, err);
		if (code >= 0)
			code = hi_dies_want(&variables->new_dies, symbol, err);
	}
	return code;
}

static void compare_pair(struct variables *variables, const struct pair *pair,
			 hi_variable_report report, void *context)
{
	struct hi_type_difference difference = { 0 };
	uint8_t *no_matter;
	Dwarf_Die old, new;

	if (!hi_dies_are_same(&variables->old_dies, pair->old,
			      &variables->new_dies, pair->new, &no_matter) &&
	    hi_dies_get(&variables->old_dies, pair->old, &old) &&
	    hi_dies_get(&variables->new_dies, pair->new, &new) &&
	    hi_type_of(&old, &old) && hi_type_of(&new, &new) &&
	    hi_type_compare(&variables->types, &old, &new, &difference) ==
		    HI_TYPE_DIFFERS)
		report(context, pair->new, hi_buf_str(&difference.text));
	hi_buf_done(&difference.text);
}

int hi_variable_types_compare(const struct hi_build_facts *old,
			      const struct hi_build_facts *new,
			      hi_variable_report report, void *context,
			      struct hi_err *err)
{
	struct variables variables = { 0 };
	int code;

	hi_dies_init(&variables.old_dies, old->image, old->units);
	hi_dies_init(&variables.new_dies, new->image, new->units);
	code = pair_variables(&variables, old, new, err);
	if (code >= 0) {
		hi_dies_find(&variables.old_dies);
		hi_dies_find(&variables.new_dies);
		for (size_t i = 0; i < variables.n_pairs; i++)
			compare_pair(&variables, &variables.pairs[i], report,
				     context);
		code = 0;
	}
	free(variables.pairs);
	hi_types_done(&variables.types);
	hi_dies_done(&variables.old_dies);
	hi_dies_done(&variables.new_dies);
	return code;
}
