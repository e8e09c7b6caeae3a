#include "injector/live.h"

#include "injector/event.h"
#include "injector/phrase.h"

static void add_group(struct hi_buf *buf, const char *const *names,
		      size_t n_names, const char *what, bool *is_first)
{
	if (n_names == 0)
		return;
	if (!*is_first)
		hi_buf_text(buf, ", ");
	hi_phrase_names(buf, names, n_names, HI_PHRASE_BARE);
	hi_buf_printf(buf, " %s", what);
	*is_first = false;
}

/* "update changed, spawn added, 9 same" */
static void add_functions(struct hi_buf *buf, const struct hi_report_live *live)
{
	bool is_first = true;

	add_group(buf, live->changed, live->n_changed, "changed", &is_first);
	add_group(buf, live->added, live->n_added, "added", &is_first);
	add_group(buf, live->removed, live->n_removed, "removed", &is_first);
	if (is_first)
		hi_buf_text(buf, "no function changed");
	if (live->n_same > 0)
		hi_buf_printf(buf, ", %zu same", live->n_same);
}

/* "; 7 variables kept, 1 new": the first number says what is counted. */
static void add_state(struct hi_buf *buf, const struct hi_report_live *live)
{
	const struct {
		size_t n;
		const char *what;
	} groups[] = {
		{ live->state.kept, "kept" },
		{ live->state.fresh, "new" },
		{ live->state.migrated, "migrated" },
		{ live->state.reset, "reset" },
	};
	bool is_first = true;

	if (!live->state_known) {
		hi_buf_text(buf, "; state fresh");
		return;
	}
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (groups[i].n == 0)
			continue;
		if (is_first) {
			hi_buf_text(buf, "; ");
			hi_phrase_count(buf, groups[i].n, "variable");
		} else {
			hi_buf_printf(buf, ", %zu", groups[i].n);
		}
		hi_buf_printf(buf, " %s", groups[i].what);
		is_first = false;
	}
}

void hi_live_text(struct hi_buf *buf, const struct hi_report_live *live)
{
	add_functions(buf, live);
	add_state(buf, live);
	if (live->dry) {
		hi_buf_text(buf, " (dry run)");
		return;
	}
	hi_buf_text(buf, " (");
	hi_phrase_duration(buf, live->latency_ns);
	hi_buf_text(buf, ", paused ");
	hi_phrase_duration(buf, live->pause_ns);
	hi_buf_text(buf, ")");
	if (live->busy)
		hi_buf_text(buf, " while threads finish in the old build");
}

static void set_number(json_t *object, const char *key, uint64_t number)
{
	json_object_set_new(object, key, json_integer((json_int_t)number));
}

void hi_live_event(json_t *event, const struct hi_report_live *live)
{
	json_t *state = json_object();
	uint64_t latency_us = (live->latency_ns + 500) / 1000;

	set_number(event, "build", live->build);
	if (live->from)
		set_number(event, "from", live->from);
	json_object_set_new(event, "changed",
			    hi_event_names(live->changed, live->n_changed));
	json_object_set_new(event, "added",
			    hi_event_names(live->added, live->n_added));
	json_object_set_new(event, "removed",
			    hi_event_names(live->removed, live->n_removed));
	set_number(state, "kept", live->state.kept);
	set_number(state, "new", live->state.fresh);
	set_number(state, "migrated", live->state.migrated);
	set_number(state, "reset", live->state.reset);
	json_object_set_new(event, "state", state);
	if (!live->dry) {
		json_object_set_new(event, "latency_ms",
				    json_real((double)latency_us / 1000.0));
		set_number(event, "pause_us", (live->pause_ns + 500) / 1000);
		json_object_set_new(event, "busy", json_boolean(live->busy));
	}
	set_number(event, "same", live->n_same);
	if (!live->dry)
		json_object_set_new(event, "bypassed",
				    hi_event_names(live->bypassed,
						   live->n_bypassed));
	json_object_set_new(event, "parted",
			    hi_event_names(live->parted, live->n_parted));
	json_object_set_new(event, "initial",
			    hi_event_names(live->initial, live->n_initial));
}
