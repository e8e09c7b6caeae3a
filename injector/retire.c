#include "injector/retire.h"

#include <elf.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/own.h"

#define BLOCK 512UL /* of st_blocks: stat(2) */

void hi_retire_note(struct hi_worker *worker, const struct hi_freeze *freeze)
{
	for (size_t i = 0; i < worker->n_active; i++)
		worker->active[i]->inside =
			hi_freeze_is_inside(freeze, worker->active[i]);
}

/* Debug information, and relocations of it or of text (--emit-relocs). */
static bool is_for_debuggers(const char *name, const GElf_Shdr *shdr)
{
	static const char *const names[] = { ".debug_", ".zdebug_",
					     ".gdb_index" };

	if (shdr->sh_flags & SHF_ALLOC)
		return false;
	if (shdr->sh_type == SHT_RELA)
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (shdr->sh_type == SHT_PROGBITS &&
		    strncmp(name, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/*
 * A hole instead of the section, then a header that says so: as in a file made by
 * objcopy --only-keep-debug, readers take it for absent.
 */
static void punch(int fd, off_t header_at, const GElf_Shdr *shdr)
{
	uint32_t nobits = SHT_NOBITS;

	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      (off_t)shdr->sh_offset, (off_t)shdr->sh_size) == 0)
		(void)!pwrite(fd, &nobits, sizeof(nobits),
			      header_at + (off_t)offsetof(Elf64_Shdr, sh_type));
}

/* Nothing depends on this: where holes cannot be made, the file stays whole. */
static void thin(const struct hi_build *build)
{
	int HI_CLOSE fd = open(build->path, O_RDWR | O_CLOEXEC);
	Elf *elf = hi_image_get_elf(build->image);
	Elf_Scn *section = NULL;
	GElf_Ehdr ehdr;
	size_t names;

	if (fd < 0 || !gelf_getehdr(elf, &ehdr) ||
	    elf_getshdrstrndx(elf, &names) < 0)
		return;
	while ((section = elf_nextscn(elf, section))) {
		off_t at = (off_t)(ehdr.e_shoff +
				   elf_ndxscn(section) * ehdr.e_shentsize);
		const char *name;
		GElf_Shdr shdr;

		if (!gelf_getshdr(section, &shdr))
			continue;
		name = elf_strptr(elf, names, shdr.sh_name);
		if (name && is_for_debuggers(name, &shdr))
			punch(fd, at, &shdr);
	}
}

static uint64_t get_size(const struct hi_build *build)
{
	struct stat st;

	return stat(build->path, &st) == 0 ? (uint64_t)st.st_blocks * BLOCK : 0;
}

/* The newest stay whole: somebody may go back to them. */
static void thin_old(const struct hi_worker *worker)
{
	uint64_t len = 0;
	size_t n = 0;

	for (size_t i = worker->n_builds; i-- > 1;) {
		struct hi_build *build = worker->builds[i];

		if (!build->retired || build->thin)
			continue;
		len += get_size(build);
		if ((++n <= HI_RETIRE_WHOLE && len <= HI_RETIRE_WHOLE_LEN) ||
		    hi_units_need(worker->current->units, build->image))
			continue;
		build->thin = true;
		thin(build);
		hi_image_close(build->image);
	}
}

/* Something of the builds that lives on. */
static void mark_needed(const struct hi_worker *worker)
{
	for (size_t i = 0; i < worker->n_active; i++)
		worker->active[i]->needed = false;
	for (size_t i = 0; i < worker->n_functions; i++) {
		const struct hi_function *function = worker->functions[i];

		function->home->needed = true;
		if (function->current)
			function->current->needed = true;
	}
	for (size_t i = 0; i < worker->n_variables; i++)
		worker->variables[i]->home->needed = true;
}

void hi_retire(struct hi_worker *worker, struct hi_build *previous, bool busy)
{
	/* build #1 is what every build is compared with */
	if (!hi_build_is_first(previous))
		hi_image_rest(previous->image);
	mark_needed(worker);
	/* the newest are all active */
	for (size_t i = 1; i + HI_RETIRE_AFTER < worker->n_active;) {
		struct hi_build *build = worker->active[i];

		if (build->needed || (busy && build->inside)) {
			i++;
			continue;
		}
		hi_worker_retire(worker, build);
		hi_build_drop_facts(build);
		hi_image_rest(build->image);
	}
	thin_old(worker);
}
