#!/bin/bash
# fuzz.sh FOLDER SECONDS - run each fuzz target for so long, on a corpus of small
# libraries and messages that is made first. Ends with 1 when one of them has found
# something; what it was then lies in FOLDER.
set -eu -o pipefail
cd "$(dirname "$0")/.."

folder=$1
seconds=$2
mkdir -p "$folder/library" "$folder/baseline" "$folder/control"

source_of()
{
	cat <<-'END'
	struct node { struct node *next; int v : 3; union { int i; float f; }; };
	enum color { RED, GREEN = 5 };
	int counter; __thread long local; const char *const names[2] = { "a", "b" };
	int update(struct node *n, enum color c, ...) { return n->v + c; }
	static void *(*resolve(void))(int) { return 0; }
	void *pick(int a) __attribute__((ifunc("resolve")));
	static void drop(int *n) { counter -= *n; }
	void leave(void (*f)(void)) { __attribute__((cleanup(drop))) int n = 1; f(); }
	END
}

cxx_source_of()
{
	cat <<-'END'
	struct empty { };
	struct base { virtual int run(const char *, int); virtual ~base(); int b : 8; };
	template <typename T> struct box : virtual base, empty {
		typedef T kept; static const long none = -1; alignas(16) T v;
		const kept &get(const kept &a); int run(const char *, int) override;
	};
	template <typename T> const long box<T>::none;
	template <typename T> const T &box<T>::get(const T &a) { return a; }
	template <typename T> int box<T>::run(const char *, int n)
	{
		return [=](int a) __attribute__((noinline)) { return a * n; }(3);
	}
	int base::run(const char *, int) { return 0; } base::~base() { }
	namespace ns { enum class kind : char { one, two }; int empty::*place; }
	template struct box<ns::kind>;
	END
}

make_corpus()
{
	local options n=0

	source_of >"$folder/source.c"
	cxx_source_of >"$folder/source.cc"
	while read -r options; do
		n=$((n + 1))
		# words: the options of one compilation
		# shellcheck disable=SC2086
		gcc -w -shared -fPIC -nostdlib $options -o "$folder/library/$n.so" "$folder/source.c"
	done <<-'END'
	-g
	-g -O2 -gdwarf-4
	-g -gdwarf-2
	-g -gz=zlib
	-g -fdebug-types-section
	-O2 -s
	-O2 -fexceptions
	-g -Wl,--hash-style=sysv -Wl,-z,now
	END
	while read -r options; do
		n=$((n + 1))
		# shellcheck disable=SC2086
		g++ -w -shared -fPIC -nostdlib $options -o "$folder/library/$n.so" "$folder/source.cc"
	done <<-'END'
	-g
	-g -O1 -gdwarf-4
	-g -fdebug-types-section
	END
	for library in "$folder"/library/*.so; do
		"$folder/elfscan" dump "$library" >"$folder/baseline/$(basename "$library").txt"
	done
}

make_messages()
{
	local line n=0

	while read -r line; do
		n=$((n + 1))
		printf '%s' "$line" >"$folder/control/$n.json"
	done <<-'END'
	{"command":"status"}
	{"command":"gdb","later":[1,-2.5e3,null,true,{"a":"\u00e9"}]}
	{"text":"game (4242) runs on with the build that it has"}
	{"error":"game (4242) is in gdb","hint":"end gdb first"}
	{"pid":4242,"history":[{"event":"live","build":2,"changed":["update"]}]}
	END
}

make_corpus
make_messages
status=0
for target in library baseline control; do
	echo "fuzz: $target, $seconds s"
	"$folder/fuzz_$target" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 \
		-max_len=65536 -print_final_stats=0 -verbosity=0 \
		-artifact_prefix="$folder/$target-" "$folder/$target" || status=1
done
exit $status
