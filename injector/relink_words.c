/*
 * The words of a new build that ld.so has relocated. Their places lie close to each
 * other, so that few system calls fetch them, with what is between them.
 */
#include <string.h>

#include "injector/relink_parts.h"
#include "injector/remote.h"

#define PAGE    4096UL
#define RUN_MAX 16384UL /* bytes read at once */

/*
 * How many relocations from AT on go together: up to the next page, so that none is
 * read that holds no word. *RET_LEN is from the first word to the end of the last.
 */
static size_t find_run(const struct hi_build *build, size_t at, size_t *ret_len)
{
	const struct hi_reloc *relocs = &build->relocs[at];
	uint64_t start = relocs[0].place_link, end = start + 8;
	size_t n = 1;

	while (at + n < build->n_relocs && relocs[n].place_link >= start &&
	       relocs[n].place_link <= end + PAGE - 8 &&
	       relocs[n].place_link + 8 - start <= RUN_MAX) {
		if (relocs[n].place_link + 8 > end)
			end = relocs[n].place_link + 8;
		n++;
	}
	*ret_len = end - start;
	return n;
}

int hi_relink_read_words(const struct hi_build *build,
			 const struct hi_host *host, uint64_t *words,
			 struct hi_err *err)
{
	unsigned char run[RUN_MAX];

	for (size_t at = 0, n; at < build->n_relocs; at += n) {
		uint64_t start = build->relocs[at].place_link;
		size_t len;
		int code;

		n = find_run(build, at, &len);
		code = hi_remote_read(host, build->base_remote + start, run,
				      len, err);
		if (code < 0)
			return code;
		for (size_t i = at; i < at + n; i++)
			memcpy(&words[i],
			       run + (build->relocs[i].place_link - start), 8);
	}
	return 0;
}
