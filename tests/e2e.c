#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support_case.h"

enum { MAX_STORIES = 300 };

static char *stories[MAX_STORIES];
static int n_stories;

START_TEST(the_story_goes_as_expected)
{
	support_case_run(stories[_i], &support_plain_variant);
}
END_TEST

static int is_folder(const struct dirent *entry)
{
	const char *only = getenv("HOTINJECT_TEST_CASE");

	return entry->d_type == DT_DIR && entry->d_name[0] != '.' &&
	       (!only || !strcmp(only, entry->d_name));
}

/* Every folder is a story: one without "expect" fails. */
static bool find_stories(void)
{
	struct dirent **entries;
	int n = scandir("tests/cases", &entries, is_folder, alphasort);

	if (n <= 0 || n > MAX_STORIES) {
		fprintf(stderr, "%d stories in tests/cases\n", n);
		return false;
	}
	for (int i = 0; i < n; i++) {
		stories[n_stories++] = strdup(entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return true;
}

static void add_stories(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "stories");

	tcase_add_loop_test(tcase, the_story_goes_as_expected, 0, n_stories);
}

int main(void)
{
	int status;

	if (!find_stories())
		return EXIT_FAILURE;
	status = support_main("e2e", add_stories);
	while (n_stories)
		free(stories[--n_stories]);
	return status;
}
