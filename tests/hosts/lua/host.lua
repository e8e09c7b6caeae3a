package.cpath = "./?.so"
io.stdout:setvbuf("line")

local worker = require("worker")
local answer, object = worker.answer, worker.object

for _ in io.lines() do
	print(answer() .. " " .. tostring(object))
end
