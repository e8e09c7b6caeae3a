#!/bin/bash
# lint.sh [STEP...] - what `make lint` does, or only the steps that are named:
# format includes headers manual scripts cppcheck tidy. Every step is run; the
# end status tells whether all were clean.
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1

jobs=$(nproc)
folders=()
for folder in common elfscan injector preload tests bench examples; do
	test -d $folder && folders+=("$folder")
done
code_folders=(common elfscan injector preload tests/unit)
mapfile -t all < <(find "${folders[@]}" -name '*.[ch]' -not -path '*/build*/*' | sort)
mapfile -t code < <(find "${code_folders[@]}" tests -maxdepth 1 -name '*.c' | sort -u)
mapfile -t headers < <(printf '%s\n' "${all[@]}" | grep '\.h$' |
	grep -vE '^(examples|tests/cases|tests/hosts)/')
read -r -a flags < <(pkg-config --cflags libelf libdw capstone jansson libxxhash check | xargs)
flags+=(-std=gnu11 -D_GNU_SOURCE -Wall -Wextra -I. '-DHI_LIBDIR="/usr/lib/hotinject"')

lint_format()
{
	printf '%s\0' "${all[@]}" | xargs -0 -P "$jobs" -I{} sh -c '
		clang-format --dry-run -Werror "$1" 2>/dev/null ||
			{ echo "$1: not in shape, see make format"; exit 1; }' -- {}
}

# injector -> elfscan -> common <- preload; the injector may look at the shim's
# contract, the tests at everything.
lint_includes()
{
	local file target from bad=0

	while IFS=: read -r file target; do
		from=${file%%/*}
		case $from:$target in
		tests:* | bench:* | examples:*) ;;
		injector:injector/* | injector:elfscan/*.h | injector:common/*) ;;
		injector:preload/*.h) ;;
		elfscan:elfscan/* | elfscan:common/*) ;;
		common:common/*) ;;
		preload:preload/* | preload:common/shim_abi.h) ;;
		*)
			echo "$file: may not include \"$target\""
			bad=1 ;;
		esac
	done < <(grep -HoE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"[^"]+"' \
			"${all[@]}" preload/*.S 2>/dev/null |
		sed -E 's/:[^"]*"([^"]+)"/:\1/')

	# the shim is made of libc alone, and only one file knows capstone
	grep -HnE '#[[:space:]]*include[[:space:]]*<(libelf|gelf|dwarf|capstone|jansson|xxhash|uthash|elfutils)' \
		preload/* common/* | sed 's/$/: only libc here/' | grep . && bad=1
	grep -lE '#[[:space:]]*include[[:space:]]*<capstone' "${all[@]}" |
		grep -v '^elfscan/insn[_a-z0-9]*\.c$' |
		sed 's/$/: only elfscan\/insn knows capstone/' | grep . && bad=1
	return $bad
}

lint_headers()
{
	printf '%s\0' "${headers[@]}" | xargs -0 -P "$jobs" -I{} \
		gcc "${flags[@]}" -Werror -fsyntax-only -x c -include {} /dev/null
}

lint_manual()
{
	mandoc -T lint -W warning man/*.[1-9]
}

lint_scripts()
{
	local file bad=0

	for file in scripts/*.sh .ci/run examples/*/*.sh bench/*.sh; do
		test -e "$file" || continue
		bash -n "$file" || bad=1
	done
	return $bad
}

# Not asked for: leaks, because cppcheck does not know the cleanup attribute (the
# tests find them under SAN=address); readdir(), which readdir_r(3) itself prefers;
# NULL at the end of variable arguments, which is a pointer in every C library here.
lint_cppcheck()
{
	cppcheck --quiet -j "$jobs" --enable=warning,performance,portability \
		--inline-suppr --error-exitcode=1 --std=c11 --language=c \
		--suppress=memleak --suppress=resourceLeak \
		--suppress=readdirCalled --suppress=varFuncNullUB \
		--library=posix --library=gnu -D_GNU_SOURCE -D__x86_64__ -I. \
		'-DHI_LIBDIR=""' \
		'-DHASH_ITER(hh,head,el,tmp)=while((el=tmp=(head)))' \
		"${code[@]}"
}

# The analyzer takes nine tenths of the time: it follows a third of the paths that it
# would (225,000 nodes a function), for a third of the time. What the tests do is looked
# after by the sanitizers, too: they go without it.
lint_tidy()
{
	printf '%s\0' "${code[@]}" | xargs -0 -P "$jobs" -I{} sh -c '
		file=$1; shift
		less=
		case $file in tests/*) less=--checks=-clang-analyzer-* ;; esac
		out=$(clang-tidy --quiet $less "$file" -- "$@" -Xclang \
			-analyzer-config -Xclang max-nodes=75000 2>&1) ||
			{ printf "%s\n" "$out"; exit 1; }' -- {} "${flags[@]}"
}

test $# -gt 0 || set -- format includes headers manual scripts cppcheck tidy
failed=
for step; do
	printf '  %-6s %s\n' LINT "$step"
	"lint_$step" || failed="$failed $step"
done
test -z "$failed" || { echo "lint: not clean:$failed" >&2; exit 1; }
