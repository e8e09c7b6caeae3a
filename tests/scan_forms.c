/*
 * One source, compiled in many ways: whatever the compiler, the optimization and the
 * form of the debug information are, elfscan must see the same interface.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "tests/support.h"

enum { C = 1, CXX = 2, BOTH = C | CXX };

/* Each is built in a folder of its own, "c.gcc-O0", for split units to lie in. */
static const struct form {
	const char *name;
	bool by_clang;
	int languages;
	const char *flags;
	const char *then; /* what is done to the library afterwards */
} forms[] = {
	{ "plain", false, BOTH, "-g -O1", "" },
	{ "gcc-O0", false, BOTH, "-g -O0", "" },
	{ "gcc-O2", false, BOTH, "-g -O2", "" },
	{ "gcc-dwarf2", false, C, "-gdwarf-2 -gstrict-dwarf -O1", "" },
	{ "gcc-dwarf3", false, BOTH, "-gdwarf-3 -O1", "" },
	{ "gcc-dwarf4", false, BOTH, "-gdwarf-4 -O2", "" },
	{ "gcc-types", false, BOTH, "-g -O1 -fdebug-types-section", "" },
	{ "gcc-types4", false, BOTH, "-gdwarf-4 -O1 -fdebug-types-section",
	  "" },
	{ "gcc-split", false, BOTH, "-g -O1 -gsplit-dwarf", "" },
	{ "gcc-split4", false, BOTH, "-gdwarf-4 -O1 -gsplit-dwarf", "" },
	{ "gcc-lto", false, BOTH, "-g -O1 -flto", "" },
	{ "gcc-gz", false, BOTH, "-g -O1 -gz=zlib", "" },
	{ "clang-O0", true, BOTH, "-g -O0", "" },
	{ "clang-O2", true, BOTH, "-g -O2", "" },
	{ "clang-dwarf2", true, BOTH, "-gdwarf-2 -O0", "" },
	{ "clang-dwarf3", true, BOTH, "-gdwarf-3 -O0", "" },
	{ "clang-dwarf4", true, BOTH, "-gdwarf-4 -O2", "" },
	{ "clang-types", true, BOTH, "-g -O1 -fdebug-types-section", "" },
	{ "clang-split", true, BOTH, "-g -O0 -gsplit-dwarf", "" },
	{ "clang-split4", true, BOTH, "-gdwarf-4 -O0 -gsplit-dwarf", "" },
	{ "clang-lto", true, BOTH, "-g -O1 -flto -fuse-ld=lld", "" },
	{ "debuglink", false, BOTH, "-g -O1",
	  "objcopy --only-keep-debug lib.so lib.debug && "
	  "objcopy --strip-all --add-gnu-debuglink=lib.debug lib.so" },
	/* the same once more, but hidden: dwz takes it together */
	{ "dwz", false, C, "-g -O1",
	  "! command -v dwz || { $with -g -O1 -c -o two.o lib.c && "
	  "objcopy --keep-global-symbol=none two.o && "
	  "$with -g -O1 -o lib.so lib.c two.o && dwz lib.so; }" },
	{ "dwz-types", false, BOTH, "-gdwarf-4 -O1 -fdebug-types-section",
	  "! command -v dwz || dwz lib.so" },
	/* what two libraries have in common lies in a third file */
	{ "dwz-common", false, BOTH, "-g -O1",
	  "! command -v dwz || { $with -g -O1 -DOTHER -o other.so lib.$e && "
	  "dwz -m common.debug lib.so other.so && "
	  "readelf -S lib.so | grep gnu_debugaltlink; }" },
	{ "dwz-sup", false, BOTH, "-gdwarf-5 -O1",
	  "! command -v dwz || { $with -gdwarf-5 -O1 -DOTHER -o other.so "
	  "lib.$e && dwz -5 -m common.debug lib.so other.so && "
	  "readelf -S lib.so | grep debug_sup; }" },
	/* thread-locals have no addresses, and can lie there, too */
	{ "dwz-whole", false, C, "-g -O1",
	  "! command -v dwz || {"
	  " for name in lib other; do"
	  "  printf '#include \"lib.c\"\\nint in_%s;\\n' $name >1.$name.c;"
	  "  $with -g -O1 -o $name.so 1.$name.c; done;"
	  " $with -g -O1 -Din_lib='hidden __attribute__((visibility("
	  "\"hidden\")))' -o lib.so 1.lib.c;"
	  " dwz -m common.debug lib.so other.so &&"
	  " readelf --debug-dump=info common.debug | grep -A1 _variable |"
	  " grep 'name.*: turn$'; }" },
};

enum { N_FORMS = sizeof(forms) / sizeof(forms[0]) };

/* One job a line, so that as many run at a time as there are processors. */
static void build(struct support *scene, const char *ending)
{
	bool is_c = !strcmp(ending, "c");
	FILE *file = fopen(support_path(scene, "jobs"), "w");

	for (int i = 0; file && i < N_FORMS; i++) {
		const struct form *form = &forms[i];
		const char *compiler = form->by_clang ? "clang" : "gcc";

		if (!is_c)
			/* clang would leave out what another unit may have */
			compiler = form->by_clang ?
					   "clang++ -fstandalone-debug" :
					   "g++";
		if (form->languages & (is_c ? C : CXX))
			fprintf(file,
				"e=%s with='%s -w -shared -fPIC "
				"-Wl,-soname,lib.so.1 -Wl,--no-as-needed'; "
				"mkdir $e.%s && cd $e.%s && cp ../lib.$e . && "
				"$with -o lib.so lib.$e %s && { %s; }%c",
				ending, compiler, form->name, form->name,
				form->flags, *form->then ? form->then : ":",
				'\0');
	}
	if (!file || fclose(file))
		support_fail(scene, "no list of jobs");
	support_shell(scene, "xargs -0 -n1 -P \"$(nproc)\" sh -ec <jobs");
}

static const char *get_elfscan(void)
{
	static char path[512];
	const char *build = getenv("HOTINJECT_BUILD");

	snprintf(path, sizeof(path), "%s/elfscan", build ? build : "build");
	return path;
}

/*
 * DWARF 2 does not tell the integer of an enum or alignments, nor do all compilers
 * agree on the binding of vtables.
 */
#define PREPARE                                                                      \
	"set -e; elfscan='%s' ending=%s failed=0\n"                                  \
	"dump() { $elfscan dump $1/lib.so | grep -vE '^(library|needs) ' |\n"        \
	"	sed -e '/^variable _ZT/s/ weak//' -e 's/^\\(enum .* bytes\\).*/\\1/' \\\n" \
	"		-e 's/ aligned ?$//'\n"                                                   \
	"}\n"

static void compare_all(struct support *scene, const char *ending)
{
	support_shell(
		scene,
		PREPARE
		"dump $ending.plain >plain.txt\n"
		"grep -q 'thread-local.*: int$' plain.txt\n"
		"for form in $ending.*/; do\n"
		"	form=${form%%/}\n"
		"	$elfscan diff $ending.plain/lib.so $form/lib.so >out || {\n"
		"		echo \"$form: status $?\"; cat out; failed=1; }\n"
		"	$elfscan diff $form/lib.so $ending.plain/lib.so >out || {\n"
		"		echo \"$form, old: status $?\"; cat out; failed=1; }\n"
		"	dump $form | sed '/^base unsigned char/d' >form.txt\n"
		"	sed '/^base unsigned char/d' plain.txt | diff - form.txt || {\n"
		"		echo \"$form: another dump\"; failed=1; }\n"
		"done\n"
		"exit $failed",
		get_elfscan(), ending);
}

static void take_sources(struct support *scene, const char *ending)
{
	char name[64];

	snprintf(name, sizeof(name), "tests/forms/lib.%s", ending);
	support_shell(scene, "cp '%s' lib.%s", support_source(scene, name),
		      ending);
}

START_TEST(all_forms_have_one_interface)
{
	const char *ending = _i ? "cc" : "c";
	struct support *scene = support_new("forms");

	take_sources(scene, ending);
	build(scene, ending);
	compare_all(scene, ending);
	support_free(scene);
}
END_TEST

/*
 * Without debug information no type can be compared, which must be said; what the
 * symbol table tells is compared nevertheless.
 */
START_TEST(symbols_are_compared_without_debug_information)
{
	struct support *scene = support_new("forms");

	support_write(scene, "old.c",
		      "int v[2]; int f(void) { return 1; } "
		      "int g(void) { return 2; }");
	support_write(scene, "same.c",
		      "int v[2]; int f(void) { return 3; } "
		      "int g(void) { return 4; }");
	support_write(scene, "new.c",
		      "int v[3]; int f(void) { return 1; } "
		      "__thread int g;");
	support_shell(
		scene,
		PREPARE
		"for name in old same new; do\n"
		"	$ending -shared -fPIC -Wl,-soname,lib.so -o $name.so $name.c\n"
		"done\n"
		"status=0; $elfscan diff old.so same.so >out || status=$?\n"
		"test $status = 16; grep 'types of f, g, v' out\n"
		"status=0; $elfscan diff old.so new.so >out || status=$?\n"
		"test $status = 28\n"
		"grep -F '[object-size:v]' out; grep -F '[symbol-kind:g]' out\n"
		"! grep -E 'parameter|return|layout' out\n"
		"$elfscan dump old.so >old.txt\n"
		"status=0; $elfscan check old.txt new.so || status=$?\n"
		"test $status = 28",
		get_elfscan(), "gcc");
	support_free(scene);
}
END_TEST

/*
 * Where a resolver returns a pointer to anything, a unit that calls the function
 * declares it. "int f()" says nothing of parameters.
 */
START_TEST(an_indirect_function_is_as_another_unit_declares_it)
{
	static const char *const compilers[] = { "gcc", "clang" };
	struct support *scene = support_new("forms");

	support_write(scene, "f.c",
		      "static int one(PARAMETER a) { return a != 0; } "
		      "static void *find(void) { return one; } "
		      "int f(PARAMETER a) __attribute__((ifunc(\"find\")));");
	support_write(scene, "g.c",
		      "int f(CALLED); int g(void) { return f(1) + 1; }");
	support_shell(
		scene,
		PREPARE
		"make() { $ending -g -O2 -w -shared -fPIC -Wl,-soname,lib.so "
		"-DPARAMETER=$2 -DCALLED=$3 -o $1.so g.c f.c; }\n"
		"make old int int; make same int int; make new double double\n"
		"make any int ''\n"
		"$elfscan dump old.so >old.txt\n"
		"grep -Fx 'ifunc f : int (int)' old.txt\n"
		"$elfscan diff old.so same.so\n"
		"status=0; $elfscan diff old.so new.so >out || status=$?\n"
		"test $status = 12; grep -F '[parameter-type:f]' out\n"
		"status=0; $elfscan diff old.so any.so >out || status=$?\n"
		"test $status = 16; grep 'types of f (' out",
		get_elfscan(), compilers[_i]);
	support_free(scene);
}
END_TEST

/* What two libraries declare in files of their own has only strings in common. */
START_TEST(a_file_of_shared_strings_is_read)
{
	struct support *scene = support_new("forms");

	for (int i = 0; i < 2; i++)
		support_write(scene, i ? "new.c" : "old.c",
			      "struct of_a_long_name { long a_long_member; };"
			      "int of_a_long_name(struct of_a_long_name *p)"
			      "{ return (int)p->a_long_member; }");
	support_shell(
		scene,
		PREPARE
		"command -v dwz || exit 0\n"
		"for name in old new; do\n"
		"	$ending -g -shared -fPIC -Wl,-soname,lib.so -o $name.so "
		"$name.c\n"
		"done\n"
		"cp old.so plain.so\n"
		"dwz -m common.debug old.so new.so\n"
		"readelf -SW common.debug | grep debug_str\n"
		"! readelf -SW common.debug | grep debug_info\n"
		"$elfscan diff plain.so old.so\n"
		"mkdir away; mv old.so away\n"
		"status=0; $elfscan diff plain.so away/old.so || status=$?\n"
		"test $status = 16",
		get_elfscan(), "gcc");
	support_free(scene);
}
END_TEST

/*
 * Nobody makes a whole object of a class that has pure virtual functions: gcc exports
 * the constructor for it nevertheless, clang does not. That of another class is missed.
 */
START_TEST(a_constructor_of_an_abstract_class_is_not_missed)
{
	struct support *scene = support_new("forms");

	support_write(scene, "lib.cc",
		      "namespace n { template <class T> struct A {"
		      " A(int); virtual ~A(); virtual T run() = 0; };"
		      " template <class T> A<T>::A(int) {}"
		      " template <class T> A<T>::~A() {}"
		      " template struct A<int>;"
		      " struct B : A<int> { B(); ~B(); };"
		      " B::B() : A<int>(1) {} B::~B() {} }"
		      "struct C : virtual n::B { C(); ~C(); };"
		      "C::C() {} C::~C() {}"
		      "struct D : C { D(); int run(); };"
		      "D::D() {} int D::run() { return 1; }");
	support_write(scene, "hide.map", "{ local: _ZN1DC1Ev; };");
	support_shell(
		scene,
		PREPARE
		"make() { $2 -g -O1 -w -shared -fPIC -Wl,-soname,lib.so "
		"-Wl,--no-as-needed -o $1.so lib.cc $3; }\n"
		"make gcc g++; make clang clang++ -fstandalone-debug\n"
		"make hidden g++ -Wl,--version-script=hide.map\n"
		"nm -D gcc.so | grep -F _ZN1CC1Ev\n"
		"! nm -D clang.so | grep -F _ZN1CC1Ev\n"
		"$elfscan diff gcc.so clang.so; $elfscan diff clang.so gcc.so\n"
		"$elfscan dump gcc.so >gcc.txt; $elfscan dump clang.so >clang.txt\n"
		"grep -E '^function _ZN1n1BC1Ev .*abstract' gcc.txt\n"
		"! grep -E '^function .*(C2|D[012]|_ZN1D).* abstract' gcc.txt\n"
		"$elfscan check gcc.txt clang.so; $elfscan check clang.txt gcc.so\n"
		"status=0; $elfscan diff gcc.so hidden.so >out || status=$?\n"
		"test $status = 12; grep -F '[symbol-removed:_ZN1DC1Ev]' out",
		get_elfscan(), "");
	support_free(scene);
}
END_TEST

static void add_forms(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "forms");

	tcase_add_loop_test(tcase, all_forms_have_one_interface, 0, 2);
	tcase_add_test(tcase, symbols_are_compared_without_debug_information);
	tcase_add_test(tcase, a_file_of_shared_strings_is_read);
	tcase_add_test(tcase, a_constructor_of_an_abstract_class_is_not_missed);
	tcase_add_loop_test(tcase,
			    an_indirect_function_is_as_another_unit_declares_it,
			    0, 2);
}

int main(void)
{
	return support_main("scan_forms", add_forms);
}
