#!/bin/bash
# check.sh PROGRAM... - run test programs, one for each processor at a time, the
# first ones first. Each program's output is kept beside it (NAME.log) and shown in
# one piece when it ends. Every program is run; the end status tells whether all passed.
set -u

jobs=${CHECK_JOBS:-$(nproc)}

run_one()
{
	local program=$1 status verdict=ok

	SECONDS=0
	"$program" >"$program.log" 2>&1 </dev/null
	status=$?
	[ "$status" -eq 0 ] || verdict="FAILED with status $status"
	# one write, so that the reports of two programs do not mix
	printf '%s\n' "$(printf '%-12s %s (%d s)\n' "${program##*/}" "$verdict" \
		"$SECONDS"; grep -v '^Running suite' "$program.log" | sed 's/^/    /')"
	return "$status"
}
export -f run_one

printf '%s\0' "$@" | xargs -0 -n 1 -P "$jobs" bash -c 'run_one "$1" || exit 1' --
