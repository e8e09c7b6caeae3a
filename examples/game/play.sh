#!/bin/bash
# The game, to play with: it takes on worker.c whenever you save it.
#
#     HOTINJECT=/path/to/hotinject ./play.sh
set -u

hotinject=${HOTINJECT:-hotinject}
cd "$(dirname "$0")" || exit 1

if ! command -v "$hotinject" >/dev/null; then
	printf 'play: there is no %s; HOTINJECT can name it\n' "$hotinject" >&2
	exit 1
fi
if ! [ -t 0 ] || ! [ -t 1 ]; then
	printf 'play: needs a terminal; demo.sh does not\n' >&2
	exit 1
fi
make -s || exit 1

# Build whenever worker.c is saved; what the compiler says goes below the game.
rebuild_on_save() {
	local known now

	known=$(stat -c %y worker.c)
	while sleep 0.3; do
		now=$(stat -c %y worker.c 2>/dev/null) || continue
		[ "$now" = "$known" ] && continue
		known=$now
		make -s libworker.so 2>&1 | grep -m 3 'error'
	done
}

end_of_game() {
	kill "$builder" 2>/dev/null
	stty "$terminal"
	printf '\0337\033[r\0338\033[?25h' # all lines scroll, cursor shown
}

printf 'Edit %s in another terminal and save it:\n' "$PWD/worker.c"
printf 'GRAVITY, POINTS, the colours, the shapes; the game goes on with them.\n'
printf 'Space kicks the balls, q ends the game. Now press Enter: '
read -r _ || exit 1

terminal=$(stty -g)
rebuild_on_save </dev/null &
builder=$!
trap end_of_game EXIT
trap : INT # the game ends itself
"$hotinject" ./game libworker.so
