/* What can be said of a new build before it is loaded. */
#include "injector/phrase.h"
#include "injector/relink_parts.h"

#include <elf.h>
#include <string.h>

static bool is_told(const struct hi_relink *relink, size_t at)
{
	const struct hi_sites *sites = &relink->build->sites;

	for (size_t i = 0; i < at; i++)
		if (relink->meant[i].other == relink->meant[at].other &&
		    relink->meant[i].symbol == relink->meant[at].symbol &&
		    relink->meant[i].unsure == relink->meant[at].unsure &&
		    sites->sites[i].function == sites->sites[at].function)
			return true;
	return false;
}

/* "update()" */
static void name_function(struct hi_buf *buf, const struct hi_site *site)
{
	hi_phrase_function(buf, site->function ? site->function->name : "?");
}

static void name_variable(struct hi_buf *buf, const struct hi_symbol *symbol)
{
	const char *name = symbol->base;

	hi_phrase_names(buf, &name, 1, HI_PHRASE_BARE);
}

static void tell_unsure(const struct hi_site *site, struct hi_reasons *reasons)
{
	struct hi_buf function = HI_BUF_INIT;

	name_function(&function, site);
	hi_reasons_add(reasons, "state-unproven",
		       site->function ? site->function->name : "?", "",
		       "%s indexes something that begins far from it, which "
		       "may be a variable of the worker or a constant",
		       hi_buf_str(&function));
	hi_reasons_hint(reasons, HI_EMIT_RELOCS_HINT);
	hi_buf_done(&function);
}

static void tell_far(const struct hi_site *site, const struct hi_meant *meant,
		     struct hi_reasons *reasons)
{
	struct hi_buf function = HI_BUF_INIT, one = HI_BUF_INIT;
	struct hi_buf other = HI_BUF_INIT;

	name_function(&function, site);
	name_variable(&one, meant->symbol);
	name_variable(&other, meant->other);
	hi_reasons_add(reasons, "state-unproven", site->function->name, "",
		       "%s indexes something that begins in the midst of %s, "
		       "which may be %s or, from far, %s, and they have moved "
		       "apart",
		       hi_buf_str(&function), hi_buf_str(&one),
		       hi_buf_str(&one), hi_buf_str(&other));
	hi_reasons_hint(reasons, HI_EMIT_RELOCS_HINT);
	hi_buf_done(&function);
	hi_buf_done(&one);
	hi_buf_done(&other);
}

/* The standard library's, mostly: nobody can change that. */
static bool is_rust(const struct hi_symbol *symbol)
{
	return !strncmp(symbol->base, "_R", 2) || strstr(symbol->base, "17h");
}

static void tell_ambiguous(const struct hi_site *site,
			   const struct hi_symbol *symbol,
			   const struct hi_symbol *other,
			   struct hi_reasons *reasons)
{
	struct hi_buf function = HI_BUF_INIT, one = HI_BUF_INIT;
	struct hi_buf two = HI_BUF_INIT;

	name_function(&function, site);
	name_variable(&one, symbol);
	name_variable(&two, other);
	hi_reasons_add(reasons, "state-ambiguous", symbol->name, "",
		       "an address in %s may mean %s or %s, which have moved "
		       "apart",
		       hi_buf_str(&function), hi_buf_str(&one),
		       hi_buf_str(&two));
	if (is_rust(symbol) || is_rust(other))
		hi_reasons_hint(reasons, "start the host again, or pass "
					 "--state=fresh");
	else
		hi_reasons_hint(reasons,
				"make %s or %s extern, build with -g if you do "
				"not, or pass --state=fresh",
				hi_buf_str(&one), hi_buf_str(&two));
	hi_buf_done(&function);
	hi_buf_done(&one);
	hi_buf_done(&two);
}

static void judge_site(const struct hi_relink *relink, size_t at,
		       struct hi_reasons *reasons)
{
	const struct hi_site *site = &relink->build->sites.sites[at];
	const struct hi_symbol *symbol = relink->meant[at].symbol;
	const struct hi_symbol *other = relink->meant[at].other;

	if (relink->meant[at].unsure && !is_told(relink, at))
		tell_unsure(site, reasons);
	if (!other || relink->meant[at].unsure || is_told(relink, at))
		return;
	if (relink->meant[at].far) {
		tell_far(site, &relink->meant[at], reasons);
		return;
	}
	tell_ambiguous(site, symbol, other, reasons);
}

static void judge_unproven(const struct hi_relink *relink,
			   struct hi_reasons *reasons)
{
	const struct hi_sites *sites = &relink->build->sites;

	for (size_t i = 0; i < sites->n_unproven; i++) {
		const struct hi_unproven *unproven = &sites->unproven[i];
		const char *name = unproven->function ?
					   unproven->function->name :
					   "code without a symbol";

		hi_reasons_add(reasons, "state-unproven", name, "",
			       "%s%s may refer to the worker's variables and "
			       "cannot be read: %s",
			       name, unproven->function ? "()" : "",
			       unproven->reason);
		hi_reasons_hint(reasons, HI_EMIT_RELOCS_HINT);
	}
}

/* Data of a build without a symbol table that no exported symbol covers. */
static const struct hi_site *find_private_site(const struct hi_build *build)
{
	if (hi_symtab_has_locals(build->symtab))
		return NULL;
	for (size_t i = 0; i < build->sites.n_sites; i++) {
		const struct hi_site *site = &build->sites.sites[i];

		if (hi_relink_names_data(site) && !site->outside &&
		    !hi_symtab_find_variable_at(build->symtab,
						site->target_link))
			return site;
	}
	return NULL;
}

static void hint_stripped(const struct hi_build *build, bool current,
			  struct hi_reasons *reasons)
{
	const char *debuglink = hi_symtab_get_debuglink(build->symtab);

	if (debuglink)
		hi_reasons_hint(reasons,
				"put its debug file %s beside it, build "
				"without -s, or pass --state=fresh",
				debuglink);
	else
		hi_reasons_hint(reasons,
				"build without -s or strip%s, or pass "
				"--state=fresh",
				current ? " and start the host again" : "");
}

static void judge_stripped(const struct hi_relink *relink,
			   struct hi_reasons *reasons)
{
	const struct hi_build *current = relink->worker->current;
	const struct hi_site *new = find_private_site(relink->build);
	const struct hi_site *old = find_private_site(current);

	if (new &&old)
		hi_reasons_add(reasons, "state-stripped", "", "",
			       "builds #%u and #%u have no symbol table, so "
			       "their private variables (at %#lx and %#lx) "
			       "cannot be matched",
			       current->number, relink->build->number,
			       old->target_link, new->target_link);
	else if (new || old)
		hi_reasons_add(reasons, "state-stripped", "", "",
			       "build #%u has no symbol table, so its private "
			       "variables (at %#lx) cannot be matched",
			       new ? relink->build->number : current->number,
			       (new ? new : old)->target_link);
	if (new || old)
		hint_stripped(new ? relink->build : current, old != NULL,
			      reasons);
}

static void count(const struct hi_relink *relink,
		  struct hi_report_state *ret_counts)
{
	const struct hi_build *build = relink->build;
	size_t n;

	hi_symtab_get_variables(build->symtab, &n);
	for (size_t i = 0; i < n; i++) {
		const struct hi_variable *variable = build->variables[i];

		if (!variable || variable->identity)
			continue;
		if (variable->home == build)
			ret_counts->fresh++;
		else
			ret_counts->kept++;
	}
}

int hi_relink_judge(struct hi_relink *relink, enum hi_state_mode state,
		    struct hi_reasons *reasons,
		    struct hi_report_state *ret_counts, struct hi_err *err)
{
	const struct hi_sites *sites = &relink->build->sites;
	struct hi_report_state counts = { 0, 0, 0, 0 };
	int code;

	count(relink, &counts);
	*ret_counts = counts;
	/* type information stays where it is in any case */
	code = hi_relink_resolve(relink, err);
	if (code < 0 || state == HI_STATE_FRESH)
		return code;
	judge_stripped(relink, reasons);
	judge_unproven(relink, reasons);
	for (size_t i = 0; i < sites->n_sites; i++)
		judge_site(relink, i, reasons);
	hi_relink_judge_tls(relink, reasons);
	return 0;
}
