/*
 * A loadable extension: SQLite keeps the address of answer(), and the extension
 * keeps the table of SQLite's functions in a variable of its own.
 */
#include <sqlite3ext.h>
#include <stddef.h>
#include <string.h>
SQLITE_EXTENSION_INIT1

static long n_calls;
static __thread long n_on_thread;

#if BUILD >= 3
static __attribute__((noipa)) long twice(long n)
{
	return 2 * n;
}
#endif

static void answer(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	char *text;

	(void)argc;
	(void)argv;
	n_calls++;
	n_on_thread++;
#if BUILD >= 3
	text = sqlite3_mprintf("answer=%d calls=%ld thread=%ld twice=%ld",
			       BUILD, n_calls, n_on_thread, twice(n_calls));
#else
	text = sqlite3_mprintf("answer=%d calls=%ld thread=%ld", BUILD, n_calls,
			       n_on_thread);
#endif
	sqlite3_result_text(context, text, -1, sqlite3_free);
}

/* An order of the host's rows: build 2 turns it round. */
static int collate(void *unused, int a_len, const void *a, int b_len,
		   const void *b)
{
	int n = a_len < b_len ? a_len : b_len;
	int order = memcmp(a, b, (size_t)n);

	(void)unused;
	return BUILD == 2 ? -order : order;
}

int sqlite3_extension_init(sqlite3 *db, char **message,
			   const sqlite3_api_routines *api)
{
	int rc;

	(void)message;
	SQLITE_EXTENSION_INIT2(api);
	rc = sqlite3_create_function(db, "answer", 0, SQLITE_UTF8, NULL, answer,
				     NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_create_collation(db, "worker", SQLITE_UTF8, NULL,
					      collate);
	return rc;
}
