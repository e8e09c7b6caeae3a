-- Machine code of the compiler calls the worker straight, all the time.
local ffi = require("ffi")

ffi.cdef([[
long tick(void);
int number(void);
int answer(char *text, size_t len);
]])
local worker = ffi.load("./worker.so")
local text = ffi.new("char[200]")

io.stdout:setvbuf("line")
for _ in io.lines() do
	local before, after, builds = worker.tick(), 0, 0

	for i = 1, 100000 do
		after = worker.tick()
		builds = builds + worker.number()
	end
	worker.answer(text, 200)
	assert(after - before == 100000)
	print(ffi.string(text) .. " fresh=" .. builds / 100000)
end
