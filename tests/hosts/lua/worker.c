/* A C module: Lua keeps the address of answer() in a closure on its heap. */
#include <lauxlib.h>
#include <lua.h>

static long n_calls;
static __thread long n_on_thread;

#if BUILD >= 3
static __attribute__((noipa)) long twice(long n)
{
	return 2 * n;
}
#endif

static int answer(lua_State *lua)
{
	n_calls++;
	n_on_thread++;
#if BUILD >= 3
	lua_pushfstring(lua, "answer=%d calls=%d thread=%d twice=%d", BUILD,
			(int)n_calls, (int)n_on_thread, (int)twice(n_calls));
#else
	lua_pushfstring(lua, "answer=%d calls=%d thread=%d", BUILD,
			(int)n_calls, (int)n_on_thread);
#endif
	return 1;
}

/* The metamethod of an object that lives on across reloads. */
static int object_to_string(lua_State *lua)
{
	lua_pushfstring(lua, "object=%d", BUILD);
	return 1;
}

static const luaL_Reg functions[] = {
	{ "answer", answer },
	{ NULL, NULL },
};

static const luaL_Reg metamethods[] = {
	{ "__tostring", object_to_string },
	{ NULL, NULL },
};

int luaopen_worker(lua_State *lua)
{
	luaL_newlib(lua, functions);
	lua_newuserdatauv(lua, 1, 0);
	lua_newtable(lua);
	luaL_setfuncs(lua, metamethods, 0);
	lua_setmetatable(lua, -2);
	lua_setfield(lua, -2, "object");
	return 1;
}
