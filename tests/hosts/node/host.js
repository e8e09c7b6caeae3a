// The addon is called all the time, from code that V8 has compiled.
const worker = require("./worker.node");
const lines = require("readline").createInterface({ input: process.stdin });
let last = worker.tick();
let wrong = 0;

function busy() {
	for (let i = 0; i < 10000; i++) {
		const now = worker.tick();

		if (now !== last + 1)
			wrong++;
		last = now;
	}
	setImmediate(busy).unref();
}

busy();
lines.on("line", () => console.log(worker.answer()));
lines.on("close", () => process.exit(wrong ? 1 : 0));
