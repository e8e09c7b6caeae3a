/* An addon of Node-API: its functions are known to the machine by their addresses. */
#include <node_api.h>
#include <stdio.h>

static long n_calls;
static long n_ticks;
static __thread long n_on_thread;

#if BUILD >= 3
static __attribute__((noipa)) long twice(long n)
{
	return 2 * n;
}
#endif

static napi_value tick(napi_env env, napi_callback_info info)
{
	napi_value value = NULL;

	(void)info;
	napi_create_int64(env, ++n_ticks, &value);
	return value;
}

static napi_value answer(napi_env env, napi_callback_info info)
{
	napi_value value = NULL;
	char text[200];

	(void)info;
	n_calls++;
	n_on_thread++;
#if BUILD >= 3
	snprintf(text, sizeof(text), "answer=%d calls=%ld thread=%ld twice=%ld",
		 BUILD, n_calls, n_on_thread, twice(n_calls));
#else
	snprintf(text, sizeof(text), "answer=%d calls=%ld thread=%ld", BUILD,
		 n_calls, n_on_thread);
#endif
	napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
	return value;
}

NAPI_MODULE_INIT()
{
	napi_property_descriptor properties[] = {
		{ "answer", NULL, answer, NULL, NULL, NULL, napi_default,
		  NULL },
		{ "tick", NULL, tick, NULL, NULL, NULL, napi_default, NULL },
	};

	napi_define_properties(env, exports, 2, properties);
	return exports;
}
