#!/bin/bash
# check.sh PROGRAM... - run test programs, one for each processor at a time, the
# first ones first. Each program's output is kept beside it (NAME.log) and shown in
# one piece when it ends. Every program is run; the end status tells whether all passed,
# and what failed is said once more at the end.
set -u

jobs=${CHECK_JOBS:-$(nproc)}

run_one()
{
	local program=$1 status verdict=ok

	SECONDS=0
	"$program" >"$program.log" 2>&1 </dev/null
	status=$?
	if [ "$status" -ne 0 ]; then
		verdict="FAILED with status $status"
		: >"$program.failed"
	fi
	# one write, so that the reports of two programs do not mix
	printf '%s\n' "$(printf '%-12s %s (%d s)\n' "${program##*/}" "$verdict" \
		"$SECONDS"; grep -v '^Running suite' "$program.log" | sed 's/^/    /')"
	return "$status"
}
export -f run_one

# Check's lines of tests that did not pass, or else how the program ended.
failures()
{
	local program=$1

	echo "FAILED: ${program##*/}"
	grep '^[^:]*:[0-9]*:[FE]:' "$program.log" || tail -n 5 "$program.log"
}

rm -f "${@/%/.failed}"
printf '%s\0' "$@" | xargs -0 -n 1 -P "$jobs" bash -c 'run_one "$1" || exit 1' --
status=$?
for program; do
	[ ! -e "$program.failed" ] || failures "$program"
done
exit "$status"
