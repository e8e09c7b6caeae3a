#!/bin/sh
# generate.sh FUNCTIONS TYPES PREFIX - C source on standard output: so many
# functions and structs, with text and debug information in proportion to real code.
set -eu

awk -v n_functions="$1" -v n_types="$2" -v prefix="$3" '
BEGIN {
	print "#include <stdint.h>\n#include <string.h>"
	for (i = 0; i < n_types; i++) {
		printf "struct %s_type_%d {\n", prefix, i
		for (m = 0; m < 6; m++)
			printf "\tuint%d_t member_%d_%d;\n",
				8 * 2 ^ ((i + m) % 4), i, m
		if (i > 0)
			printf "\tstruct %s_type_%d *before;\n", prefix, i - 1
		print "};"
	}
	for (i = 0; i < n_functions; i++)
		write_function(i, i % n_types)
}

function write_function(i, t)
{
	printf "static uint64_t %s_total_%d;\n", prefix, i
	printf "uint64_t %s_function_%d(struct %s_type_%d *item, uint64_t by)\n{\n",
		prefix, i, prefix, t
	printf "\tuint64_t sum = %d, turn = by, rest = by %% %d;\n",
		i * 7919, i + 3
	for (m = 0; m < 6; m++) {
		printf "\tfor (uint64_t step_%d = 0; step_%d < by; step_%d++) {\n",
			m, m, m
		printf "\t\tuint64_t mixed_%d = item->member_%d_%d * %dU + turn;\n",
			m, t, m, i * 31 + m
		printf "\t\tsum ^= mixed_%d << %d | rest >> %d;\n", m, m + 1, m
		printf "\t\tif (sum > %d)\n\t\t\titem->member_%d_%d = sum;\n\t}\n",
			i * 101, t, m
	}
	if (i > 0)
		printf "\tif (rest)\n\t\tsum += %s_function_%d((void *)item, rest);\n",
			prefix, i - 1
	printf "\t%s_total_%d += sum;\n\treturn sum;\n}\n", prefix, i
}'
