#include "injector/holds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/own.h"

#define KB    1024UL
#define BLOCK 512UL /* of st_blocks: stat(2) */

/* Add what one line says to the build whose mapping it is of. */
static void read_line(const char *line, const struct hi_worker *worker,
		      const struct hi_build **build, struct hi_holds *holds)
{
	unsigned long start, end, number;

	if (sscanf(line, "%lx-%lx ", &start, &end) == 2) {
		*build = hi_worker_find_build(worker, start);
		if (*build)
			holds[(*build)->serial - 1].mapped += end - start;
	} else if (*build && sscanf(line, "Anonymous: %lu kB", &number) == 1) {
		holds[(*build)->serial - 1].own += number * KB;
	}
}

void hi_holds_read(pid_t pid, const struct hi_worker *worker,
		   struct hi_holds *ret_holds)
{
	const struct hi_build *build = NULL;
	char *HI_FREE line = NULL;
	size_t size = 0;
	char path[40];
	FILE *smaps;

	memset(ret_holds, 0, worker->n_builds * sizeof(*ret_holds));
	for (size_t i = 0; i < worker->n_builds; i++) {
		struct stat st;

		if (stat(worker->builds[i]->path, &st) == 0)
			ret_holds[i].file = (uint64_t)st.st_blocks * BLOCK;
	}
	snprintf(path, sizeof(path), "/proc/%d/smaps", (int)pid);
	smaps = fopen(path, "re");
	if (!smaps)
		return;
	while (getline(&line, &size, smaps) > 0)
		read_line(line, worker, &build, ret_holds);
	(void)!fclose(smaps);
}
