#!/bin/bash
# The demo: a running game takes on new code, refuses what would break it, and
# keeps its state. Works in a copy of this folder, so nothing here is touched.
#
#     HOTINJECT=/path/to/hotinject ./demo.sh
#
# Ends with status 0 when everything was as promised. DEMO_SECONDS (15) is the
# time that it may take.
set -u

hotinject=${HOTINJECT:-hotinject}
seconds=${DEMO_SECONDS:-15}
source_folder=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d "${TMPDIR:-/tmp}/hotinject-demo.XXXXXX") || exit 1
events=$folder/events
output=$folder/output
session= # the process id of hotinject
SECONDS=0 # bash counts them up

# The game's process id, as the event "ready" tells it.
game() {
	sed -n 's/.*"event":"ready".*"pid":\([0-9]*\).*/\1/p' "$events"
}

clean_up() {
	if [ -n "$session" ]; then
		kill "$(game)" 2>/dev/null
		kill "$session" 2>/dev/null
	fi
	rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

fail() {
	printf 'demo: FAILED: %s\n' "$*" >&2
	exit 1
}

heading() {
	printf '\n== %s ==\n' "$*"
}

# How many lines of FILE match PATTERN.
count() {
	grep -c -e "$2" "$1"
}

# Wait until N lines of FILE match PATTERN; WHAT is for the message.
wait_for() {
	local what=$1 file=$2 pattern=$3 n=$4

	until [ "$(count "$file" "$pattern")" -ge "$n" ]; do
		kill -0 "$session" 2>/dev/null ||
			fail "hotinject has ended before $what"
		[ "$SECONDS" -lt "$seconds" ] ||
			fail "no sign of $what within $seconds s"
		sleep 0.02
	done
}

# Wait for the Nth event of a KIND and then for two more lines of the game, which
# show that it goes on.
wait_for_event() {
	wait_for "event \"$1\" number $2" "$events" "\"event\":\"$1\"" "$2"
	wait_for "the game's next lines" "$output" '^game: frame' \
		$(($(count "$output" '^game: frame') + 2))
}

# Edit FILE with a sed SCRIPT and show what has changed.
edit() {
	cp "$1" before
	sed -i -e "$2" "$1"
	diff -U 0 before "$1" | grep '^[-+][^-+]' && return
	fail "the edit \"$2\" found nothing to change in $1"
}

build() {
	make -s libworker.so || fail "make libworker.so"
}

command -v "$hotinject" >/dev/null || fail "there is no $hotinject"
cp "$source_folder"/{Makefile,game.c,worker.c,worker.h} "$folder" || exit 1
cd "$folder" || exit 1
printf 'demo: works in %s and removes it at the end\n' "$folder"
make -s || fail "make"

heading "the game starts, as any program"
printf '$ hotinject ./game libworker.so\n'
touch "$events" "$output"
mkfifo lines
tee "$output" <lines &
printer=$!
# the number of frames only ends a game that was left alone
"$hotinject" --events="$events" ./game libworker.so -- --frames=3000 \
	</dev/null >lines 2>&1 &
session=$!
wait_for_event ready 1

heading "a rule is changed: 10 points a bounce become 25"
edit worker.c '/^#define POINTS /s/10/25/'
build
wait_for_event live 1

heading "a new function and a new variable: a diamond that breathes"
cat >diamond.c <<'END'

static unsigned int n_diamonds;

static void draw_diamond(struct world *world, const struct ball *ball)
{
	int size = 1 + n_diamonds++ / 6 % 4;

	for (int y = -size; y <= size; y++)
		for (int x = -size; x <= size; x++)
			if ((x < 0 ? -x : x) + (y < 0 ? -y : y) == size)
				dot(world, ball->x + x, ball->y + y,
				    ball->paint);
}
END
edit worker.c '/^typedef .* shape_fn/r diamond.c
s/draw_star }/draw_star, draw_diamond }/'
build
wait_for_event live 2

heading "a mistake: the game was compiled for a float, and gets a double"
edit worker.h '/worker_update/s/float/double/'
edit worker.c '/worker_update/s/float/double/'
build
wait_for_event refused 1

heading "the mistake is put right, but the linker's disk was full: half a file"
edit worker.h '/worker_update/s/double/float/'
edit worker.c '/worker_update/s/double/float/'
head -c $(($(stat -c %s libworker.so) / 2)) libworker.so >half
cat half >libworker.so
wait_for_event ignored 1

heading "a whole file again, and the moon's gravity"
edit worker.c '/^#define GRAVITY /s/90/30/'
build
wait_for_event live 3

heading "the game ends, as any program"
kill -TERM "$(game)" || fail "the game cannot be told to end"
wait "$session"
status=$?
session=
wait "$printer"

[ "$status" -eq 0 ] || fail "the game's exit status was $status"
proof=$(grep '^game: [0-9]* frames' "$output") || fail "the game said no last word"
case $proof in
*'state intact') ;;
*) fail "state was lost on the way" ;;
esac
case $proof in
*', 25 points a bounce'*) ;;
*) fail "the changed rule had no effect" ;;
esac
for expected in '10 points a bounce, 3 shapes' '25 points a bounce, 4 shapes'; do
	[ "$(count "$output" "$expected")" -gt 0 ] ||
		fail "the game never had $expected"
done
for expected in live=3 refused=1 ignored=1; do
	n=$(count "$events" "\"event\":\"${expected%=*}\"")
	[ "$n" -eq "${expected#*=}" ] ||
		fail "$n builds ${expected%=*} instead of ${expected#*=}"
done
printf '\ndemo: 3 builds live, 1 refused, 1 ignored, state intact (%s s)\n' \
	"$SECONDS"
