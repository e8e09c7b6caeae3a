#include "injector/elsewhere.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const char *find_fault(const char *path)
{
	struct statvfs mount;
	struct stat st;

	if (lstat(path, &st) < 0)
		return "is not there";
	if (!S_ISDIR(st.st_mode))
		return "is no folder";
	if (st.st_uid != geteuid())
		return "is another user's";
	if (statvfs(path, &mount) == 0 && (mount.f_flag & ST_RDONLY))
		return "is read-only";
	if (statvfs(path, &mount) == 0 && (mount.f_flag & ST_NOEXEC))
		return "is mounted noexec";
	if (access(path, W_OK | X_OK) < 0)
		return "cannot be written to";
	return "cannot be used";
}

char *hi_elsewhere_explain(const char *folder)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	size_t len = runtime ? strlen(runtime) : 0;
	char *sentence;

	if (!runtime || runtime[0] != '/' ||
	    (strncmp(folder, runtime, len) == 0 && folder[len] == '/'))
		return NULL;
	if (asprintf(&sentence,
		     "%s, which XDG_RUNTIME_DIR names, %s: copies of the "
		     "builds are kept in %s",
		     runtime, find_fault(runtime), folder) < 0)
		return NULL;
	return sentence;
}
