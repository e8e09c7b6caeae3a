#!/bin/bash
# run.sh - how fast hotinject is, beside the least that the system needs for the
# same. It prints and never fails for a number.
#
#   HOTINJECT        the command to measure (default: build/hotinject)
#   HOTINJECT_BUILD  where it was built; what is measured goes below it
#   BENCH_RELOADS    how many reloads under calling threads (default 1000)
#   BENCH_SECONDS    the most time for them (default 240)
#   BENCH_ONLY       some of: calls latency pause attach memory reloads scan
#                    rescue
set -eu -o pipefail
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
build=${HOTINJECT_BUILD:-$here/../build}
hotinject=${HOTINJECT:-$build/hotinject}
reloads=${BENCH_RELOADS:-1000}
seconds=${BENCH_SECONDS:-240}
only=${BENCH_ONLY:-calls latency pause attach memory reloads scan rescue}
place=$build/bench
rescues=50 # of each kind, each of a function of its own
host_pid=
next=2 # the build to put in place next

# --- what is measured ---------------------------------------------------------

worker_source()
{
	printf '#include <stdint.h>\nuint64_t bench_call(uint64_t argument);\n'
	printf '#ifdef MORE\nstatic __attribute__((noinline)) uint64_t '
	printf 'more(uint64_t by)\n{\n\treturn by * MORE;\n}\n#else\n'
	printf '#define more(by) (by)\n#endif\n'
	printf 'uint64_t bench_call(uint64_t argument)\n'
	printf '{\n\treturn more(argument) + 1000 * BUILD;\n}\n'
}

# compile_unit NAME FUNCTIONS TYPES
compile_unit()
{
	"$here/generate.sh" "$2" "$3" "$1" >"$1.c"
	gcc -O1 -g -fPIC -c "$1.c"
}

# link_builds NAME OBJECT... : NAME.1.so and NAME.2.so, which differ in one function
link_builds()
{
	local name=$1 number
	shift

	for number in 1 2; do
		gcc -O1 -g -fPIC -DBUILD=$number -c -o call.$number.o call.c
		gcc -g -shared -Wl,-soname,libworker.so -o "$name.$number.so" call.$number.o "$@"
	done
}

# Two units, linked four times under other names, are 1 MB of text.
compile_big()
{
	local copy objects=()

	compile_unit left 285 360 &
	compile_unit right 285 360
	wait $!
	for copy in 1 2 3 4; do
		objcopy --prefix-symbols=copy_${copy}_ left.o left.$copy.o
		objcopy --prefix-symbols=copy_${copy}_ right.o right.$copy.o
		objects+=("left.$copy.o" "right.$copy.o")
	done
	link_builds big "${objects[@]}"
	link_builds middle left.1.o right.1.o
	# the same twice, and once with a static function more
	cp big.1.so more.1.so
	gcc -O1 -g -fPIC -DBUILD=2 -DMORE=3 -c -o call.3.o call.c
	gcc -g -shared -Wl,-soname,libworker.so -o more.2.so call.3.o \
		"${objects[@]}"
}

# Functions that crash so many calls below; the last argument of each is depth.
compile_rescue()
{
	{
		printf 'static __attribute__((noinline)) long down(long n)\n{\n'
		printf '\tvolatile long here = n;\n\n'
		printf '\treturn (n > 1 ? down(n - 1) : *(volatile long *)8) + '
		printf 'here;\n}\n'
		for ((i = 0; i < 4 * rescues; i++)); do
			printf 'long rescue_%d(long n)\n{\n\treturn n ? ' $i
			printf 'down(n) + %d : *(volatile long *)8;\n}\n' $i
		done
	} >rescue_worker.c
	gcc -O2 -g -fPIC -shared -Wl,-soname,libworker.so -o rescue.1.so \
		rescue_worker.c
	mkdir -p linked/rescue
	cp rescue.1.so linked/rescue/libworker.so
	gcc -pthread -Wl,-rpath,'$ORIGIN/live' -o host.rescue rescue.o \
		linked/rescue/libworker.so
}

compile_programs()
{
	local name

	for name in host reload load stop measure rescue; do
		gcc -std=gnu11 -D_GNU_SOURCE -O2 -g -c -o $name.o "$here/$name.c"
		test $name = host || test $name = rescue ||
			gcc -o $name $name.o
	done
	compile_rescue
	worker_source >call.c
	link_builds tiny
	mkdir -p linked
	cp tiny.1.so linked/libworker.so
	for name in lazy now; do
		gcc -pthread -Wl,-z,$name -Wl,-rpath,'$ORIGIN/live' \
			-o host.$name host.o linked/libworker.so
	done
}

compile()
{
	if test built -nt "$here/generate.sh" && test built -nt "$here/run.sh" &&
		test -z "$(find "$here" -name '*.c' -newer built)"; then
		return
	fi
	rm -f built
	compile_programs
	compile_unit small 13 6
	link_builds small small.o
	compile_big
	touch built
}

# --- a host to talk to --------------------------------------------------------

await_ready()
{
	local _

	for _ in {1..500}; do
		if grep -q '"event":"ready"' events; then
			return
		fi
		sleep 0.01
	done
	echo "bench: hotinject is not ready: $(cat events)" >&2
	exit 1
}

# start ours|floor WORKER HOST [OPTION...] : ask with `ask`, end with `end`
start()
{
	local kind=$1 worker=$2 host=$3
	shift 3

	next=2
	mkdir -p live
	# renamed: the other host may have the old file mapped
	cp "$worker.1.so" live/fresh.so
	mv live/fresh.so live/libworker.so
	: >events
	rm -f "$kind.in" "$kind.out"
	mkfifo "$kind.in" "$kind.out"
	if test $kind = ours; then
		"$hotinject" --quiet --events=events "$@" "./$host" \
			live/libworker.so <"$kind.in" >"$kind.out" \
			3>&- 4<&- 5>&- 6<&- &
		ours_pid=$!
		exec 3>"$kind.in" 4<"$kind.out"
		await_ready
		host_pid=$(sed -n 's/.*"event":"ready".*"pid":\([0-9]*\).*/\1/p' \
			events)
	else
		# perhaps with an argument
		# shellcheck disable=SC2086
		./$host <"$kind.in" >"$kind.out" \
			3>&- 4<&- 5>&- 6<&- &
		floor_pid=$!
		exec 5>"$kind.in" 6<"$kind.out"
	fi
}

# ask ours|floor COMMAND...
ask()
{
	local kind=$1 answer=
	shift

	if test $kind = ours; then
		echo "$*" >&3
		read -r answer <&4
	else
		echo "$*" >&5
		read -r answer <&6
	fi
	echo "$answer"
}

end()
{
	if test $1 = ours; then
		exec 3>&- 4<&-
		wait "$ours_pid"
	else
		exec 5>&- 6<&-
		wait "$floor_pid"
	fi
}

# reload WORKER N [SECONDS] : lines of reload.c, as many as there is time for
reload()
{
	local first=$next

	if (($2 % 2)); then
		next=$((3 - next))
	fi
	./reload events live/libworker.so "$2" "${3:-$seconds}" \
		"$1.$first.so" "$1.$((3 - first)).so" ||
		echo "bench: $2 reloads of $1 broke off" >&2
}

# --- numbers ------------------------------------------------------------------

# median [COLUMN]
median()
{
	awk -v column="${1:-1}" '{ print $column }' | sort -g | awk '
		{ value[NR] = $1 }
		END {
			if (NR)
				print value[int((NR + 1) / 2)]
		}'
}

# row WHAT FLOOR OURS UNIT GOAL
row()
{
	awk -v what="$1" -v floor="$2" -v ours="$3" -v unit="$4" -v goal="$5" '
	function show(value)
	{
		if (value !~ /^[0-9.e+-]+$/ || value == "-")
			return value
		return sprintf(value < 10 ? "%.2f %s" : "%.0f %s", value, unit)
	}
	BEGIN {
		ratio = "-"
		if (floor ~ /^[0-9]/ && floor > 0)
			ratio = sprintf("%.2f", ours / floor)
		printf "%-46s %12s %12s %7s  %s\n", what, show(floor),
			show(ours), ratio, goal
	}'
}

# --- a call -------------------------------------------------------------------

time_calls()
{
	local round

	rm -f floor.calls ours.calls
	for round in 1 2 3 4 5 6 7; do
		ask floor time 20000000 >>floor.calls
		ask ours time 20000000 >>ours.calls
	done
	row "$1" "$(median <floor.calls)" "$(median <ours.calls)" ns "<= 1.10"
}

bench_calls()
{
	local bound n

	for bound in lazy now; do
		start floor tiny host.$bound
		start ours tiny host.$bound
		ask floor time 1000000 >/dev/null
		ask ours time 1000000 >/dev/null
		time_calls "call, bound $bound, no reload yet"
		reload tiny 1 >/dev/null
		time_calls "call, bound $bound, after 1 reload"
		reload tiny $((reloads - 1)) 10 >many
		time_calls "call, bound $bound, after $(($(wc -l <many) + 1)) reloads"
		end ours
		end floor
	done
}

# --- from the complete file to new code ---------------------------------------

bench_latency()
{
	local worker=$1 what=$2 goal=$3 round number complete seen

	./load ./$worker.1.so bench_call 20 >floor.latency
	start ours $worker host.lazy
	reload $worker 20 >ours.latency
	# The same as the host sees it: a thread that calls every 20 us.
	: >seen.latency
	for round in {1..20}; do
		number=$((1 + round % 2))
		echo "seen $number" >&3
		./reload events live/libworker.so 1 9 $worker.$number.so >one ||
			echo "bench: a reload of $worker broke off" >&2
		read -r complete _ <one || complete=0
		read -r seen <&4
		echo "$complete $seen" >>seen.latency
	done
	# the shim's thread lingers for a second, after which it is started anew
	: >rested.latency
	for round in {1..5}; do
		sleep 1.3
		reload $worker 1 9 >>rested.latency
	done
	end ours
	row "file complete -> live, $what" "$(median <floor.latency)" \
		"$(median 2 <ours.latency)" ms "$goal"
	row "  the same, seen by the host" "$(median <floor.latency)" \
		"$(awk '{ print ($2 - $1) / 1e6 }' seen.latency | median)" \
		ms "$goal"
	row "  after a rest of more than a second" "$(median <floor.latency)" \
		"$(median 2 <rested.latency)" ms "$goal"
}

# --- how long the host stands still -------------------------------------------

# bench_pause callers|sleepers N GOAL
bench_pause()
{
	start floor tiny host.lazy
	ask floor $1 $2 >/dev/null
	./stop $floor_pid 21 >floor.pause
	end floor
	start ours tiny host.lazy --wait=20
	ask ours $1 $2 >/dev/null
	reload tiny 12 10 >all.pause
	tail -n +2 all.pause >ours.pause
	end ours
	row "threads stopped, $2 $1" "$(median <floor.pause)" \
		"$(median 3 <ours.pause)" us "$3"
}

# The least is to stop the same threads, do nothing, and let go of them.
# bench_attach N WORKER WHAT
bench_attach()
{
	local round pid

	: >bare.gap
	: >attach.gap
	: >leave.gap
	for round in {1..9}; do
		start floor $2 host.lazy
		ask floor beat >/dev/null
		ask floor sleepers $(($1 - 2)) >/dev/null
		ask floor gap >/dev/null
		./stop $floor_pid 1 >/dev/null
		ask floor gap >>bare.gap
		"$hotinject" --quiet --events=events --pid=$floor_pid \
			live/libworker.so 5>&- 6<&- &
		pid=$!
		await_ready
		ask floor gap >>attach.gap
		kill -INT $pid
		wait $pid
		ask floor gap >>leave.gap
		end floor
	done
	row "a thread stopped by an attach, one of $1, $3" \
		"$(median <bare.gap)" "$(median <attach.gap)" us "-"
	row "  by leaving" "$(median <bare.gap)" "$(median <leave.gap)" us "-"
}

# --- a crash ------------------------------------------------------------------

# rescue DEPTH WHAT : from the call that crashes to the host's next instruction
rescue()
{
	ask floor crash $rescues $1 | tr -s ' ' '\n' >floor.rescue
	ask ours crash $rescues $1 | tr -s ' ' '\n' >ours.rescue
	if grep -q '^-' floor.rescue ours.rescue; then
		echo "bench: a call that crashed did not return zero" >&2
	fi
	row "crash -> the host goes on, $2" "$(us_to_ms <floor.rescue | median)" \
		"$(us_to_ms <ours.rescue | median)" ms "< 5 ms"
	row "  the longest" "$(us_to_ms <floor.rescue | sort -g | tail -n 1)" \
		"$(us_to_ms <ours.rescue | sort -g | tail -n 1)" ms ""
}

us_to_ms()
{
	awk 'NF { print $1 / 1000 }'
}

# The least is a handler of its own that jumps back.
bench_rescue()
{
	start floor rescue "host.rescue own"
	start ours rescue host.rescue 2>said
	rescue 0 "1 frame"
	rescue 50 "50 frames"
	ask floor sleepers 64 >/dev/null
	ask ours sleepers 64 >/dev/null
	rescue 0 "1 frame, 64 threads"
	rescue 50 "50 frames, 64 threads"
	end ours
	end floor
}

# --- memory -------------------------------------------------------------------

# kept FIELD : of all mappings of the host, in KB
kept()
{
	awk -v field="$1:" '$1 == field { sum += $2 } END { print sum }' \
		"/proc/$host_pid/smaps_rollup"
}

# Pages of a file count as dirty until they have been written back.
write_back()
{
	grep -o '/[^ ]*/libworker\.[^ ]*$' "/proc/$host_pid/maps" | sort -u |
		xargs -r sync
}

# tell FILE : what the host and hotinject keep, NAME KB a line
tell()
{
	local field

	sleep 0.2
	write_back
	for field in Private_Dirty Private_Clean Anonymous Pss; do
		echo "$field $(kept $field)"
	done >"$1"
	awk '/^RssAnon/ { print "hotinject", $2 }' \
		"/proc/$ours_pid/status" >>"$1"
	echo "copies $(du -sk "$(dirname "$(grep -o '/[^ ]*/libworker\.[^ ]*$' \
		"/proc/$host_pid/maps" | tail -n 1)")" | cut -f 1)" >>"$1"
}

# grown NAME N : KB for each of N reloads
grown()
{
	paste -d" " memory.before memory.after | awk -v name="$1" -v n="$2" \
		'$1 == name { printf "%.1f", ($4 - $2) / n }'
}

# The pages of the segments that can be written.
writable_bytes()
{
	readelf -lW "$1" | awk '$1 == "LOAD" && $0 ~ / RW / {
		print $3, $6 }' | while read -r at len; do
		echo $(((at + len + 4095) / 4096 * 4096 - at / 4096 * 4096))
	done | awk '{ sum += $1 } END { print sum / 1024 }'
}

bench_memory()
{
	local worker=$1 what=$2 n=50 writable

	writable=$(writable_bytes $worker.1.so)
	start ours $worker host.lazy
	# until the first builds are given up
	reload $worker 8 >/dev/null
	tell memory.before
	reload $worker $n >/dev/null
	tell memory.after
	end ours
	row "memory per reload, the host's own, $what" "$writable" \
		"$(grown Private_Dirty $n)" KB "<= 1.50"
	row "  of that, in no file" - "$(grown Anonymous $n)" KB ""
	row "  besides, pages of the file, reclaimable" - \
		"$(grown Private_Clean $n)" KB ""
	row "  all of it, Pss" "$writable" "$(grown Pss $n)" KB ""
	row "  hotinject's own" - "$(grown hotinject $n)" KB ""
	row "  the copy on disk" "$(du -k --apparent-size $worker.1.so |
		cut -f 1)" "$(grown copies $n)" KB ""
}

# --- many reloads under calls -------------------------------------------------

bench_reloads()
{
	local first last wrong still n started ended

	start ours tiny host.lazy --wait=20
	ask ours callers 8 >/dev/null
	started=$(date +%s.%N)
	reload tiny "$reloads" >many
	ended=$(date +%s.%N)
	n=$(wc -l <many)
	read -r wrong still _ < <(ask ours check)
	end ours
	row "$n reloads under 8 callers: wrong results" - "$wrong" "" 0
	row "  lost threads" - "$still" "" 0
	first=$(head -n 100 many | median 2)
	last=$(tail -n 100 many | median 2)
	row "  latency, first 100 and last 100" "$first" "$last" ms "<= 1.20"
	row "  threads stopped, first 100 and last 100" \
		"$(head -n 100 many | median 3)" \
		"$(tail -n 100 many | median 3)" us ""
	row "  total" - \
		"$(awk -v a="$started" -v b="$ended" 'BEGIN { print b - a }')" s ""
}

# --- elfscan ------------------------------------------------------------------

bench_scan()
{
	local worker=$1 what=$2 goal=$3

	./measure 9 "$build/elfscan" diff $worker.1.so $worker.2.so >ours.scan
	: >floor.scan
	if command -v abidiff >/dev/null; then
		./measure 9 abidiff $worker.1.so $worker.2.so >floor.scan
	fi
	row "elfscan diff beside abidiff, $what" \
		"$(median <floor.scan)" "$(median <ours.scan)" ms "$goal"
	row "  memory" "$(median 2 <floor.scan)" "$(median 2 <ours.scan)" KB \
		"<= 0.20"
}

# What a unit costs that is no longer what it was: its types are compared.
bench_reload_scan()
{
	local name

	for name in big more; do
		start ours $name host.lazy
		reload $name 30 >$name.scan
		end ours
	done
	row "reload of 5 MB DWARF, a static function more" \
		"$(median 2 <big.scan)" "$(median 2 <more.scan)" ms "+ 5 ms"
}

wants()
{
	case " $only " in
	*" $1 "*) return 0 ;;
	esac
	return 1
}

main()
{
	mkdir -p "$place"
	cd "$place"
	compile
	printf '%-46s %12s %12s %7s  %s\n' what floor ours ratio goal
	if wants calls; then
		bench_calls
	fi
	if wants latency; then
		bench_latency small "50 KB" "<= 3.00"
		bench_latency big "1 MB text, 5 MB DWARF" "<= 2.00"
	fi
	if wants pause; then
		bench_pause callers 1 "<= 1.50"
		bench_pause callers 8 "<= 1.50"
		bench_pause callers 64 "<= 1.50, < 1000 us"
		bench_pause sleepers 64 "<= 1.50, < 1000 us"
	fi
	if wants attach; then
		bench_attach 2 tiny "a small worker"
		bench_attach 8 tiny "a small worker"
		bench_attach 64 tiny "a small worker"
		bench_attach 8 big "1 MB text"
	fi
	if wants rescue; then
		bench_rescue
	fi
	if wants memory; then
		bench_memory small "50 KB"
		bench_memory big "1 MB text"
	fi
	if wants reloads; then
		bench_reloads
	fi
	if wants scan; then
		bench_scan small "50 KB" "<= 1.00"
		bench_scan middle "1.6 MB" "<= 0.10"
		bench_scan big "5 MB DWARF" "<= 0.02"
		bench_reload_scan
	fi
}

main
