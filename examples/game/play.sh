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

end_of_game() {
	stty "$terminal"
	printf '\0337\033[r\0338\033[?25h' # all lines scroll, cursor shown
}

printf 'Edit %s in another terminal and save it:\n' "$PWD/worker.c"
printf 'GRAVITY, POINTS, the colours, the shapes; the game goes on with them.\n'
printf 'Space kicks the balls, q ends the game. Now press Enter: '
read -r _ || exit 1

terminal=$(stty -g)
trap end_of_game EXIT
trap : INT # the game ends itself
"$hotinject" --build='make -s libworker.so' ./game libworker.so
