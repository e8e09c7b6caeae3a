#include "injector/brief.h"

#include "injector/phrase.h"
#include "tests/unit/fixture.h"

#define STRING                                                      \
	"std::__cxx11::basic_string<char, std::char_traits<char>, " \
	"std::allocator<char> >"

START_TEST(types_are_named_as_they_are_written)
{
	static const char *const cases[][2] = {
		{ "parameter 1 changed from '" STRING " const&' to 'int'",
		  "parameter 1 changed from 'std::string const&' to 'int'" },
		{ "std::map<" STRING
		  ", std::vector<int, std::allocator<int> >, "
		  "std::less<" STRING " >, std::allocator<std::pair<" STRING
		  " const, std::vector<int, std::allocator<int> > > > >",
		  "std::map<std::string, std::vector<int>>" },
		{ "std::unique_ptr<a::b, std::default_delete<a::b> >",
		  "std::unique_ptr<a::b>" },
		{ "std::basic_string_view<char, std::char_traits<char> >",
		  "std::string_view" },
		{ "a::name[abi:cxx11]() const", "a::name() const" },
		{ "pool<int, my::allocator<int> >",
		  "pool<int, my::allocator<int>>" },
		{ "std::allocator<", "std::allocator<" },
		{ "f(int, std::allocator<", "f(int" },
		{ "", "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hi_buf buf = HI_BUF_INIT;

		hi_brief_text(&buf, cases[i][0]);
		ck_assert_str_eq(hi_buf_str(&buf), cases[i][1]);
		hi_buf_done(&buf);
	}
}
END_TEST

START_TEST(long_names_lose_what_they_are_called_with)
{
	static const char *const cases[][2] = {
		{ "a::f(int)", "a::f(int)" },
		{ "namespace_a::function_b(namespace_c::type, int) const",
		  "namespace_a::function_b() const" },
		{ "(anonymous namespace)::class_a::function_b(long, int, int)",
		  "(anonymous namespace)::class_a::function_b()" },
		{ "void std::__introsort_loop<int*, long, x<y> >(int*, long)",
		  "std::__introsort_loop<...>()" },
		{ "std::ostream& ns::operator<< <char>(std::ostream&, ns::x)",
		  "ns::operator<< <char>()" },
		{ "ns::vector_of_things::operator()(long, long, long, long)",
		  "ns::vector_of_things::operator()()" },
		{ "ns::vector_of_things::operator->(long, long, long, long)",
		  "ns::vector_of_things::operator->()" },
		{ "ns::thing_with_name::operator std::string_view(int, int)",
		  "ns::thing_with_name::operator std::string_view()" },
		{ "ns::start(int, int, int, int)::{lambda(int, int, int)#12}",
		  "ns::start()::{lambda()#12}" },
		{ "<ns::circle_of_things as ns::shape_of_things>::area_of_it",
		  "<ns::circle_of_things as ns::shape_of_things>::area_of_it" },
		{ "namespace_a::function_b(namespace_c::type<int, lo",
		  "namespace_a::function_b()" },
		{ "a234567890b234567890c234567890d234567890e234567890"
		  "a234567890b234567890c234567890d234567890e234567890",
		  "a234567890b234567890c234567890d234567890e234567890"
		  "a234567890b234567890c234567890..." },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hi_buf buf = HI_BUF_INIT;

		hi_brief_name(&buf, cases[i][0], 40);
		ck_assert_str_eq(hi_buf_str(&buf), cases[i][1]);
		hi_buf_done(&buf);
	}
}
END_TEST

START_TEST(a_list_has_each_name_once)
{
	/* both constructors, and one more class */
	static const char *const names[] = {
		"_ZN3keyC1Ei", "_ZN3keyC2Ei", "a", "b", "c", "d"
	};
	struct hi_buf buf = HI_BUF_INIT;

	hi_phrase_names(&buf, names, 3, HI_PHRASE_BARE);
	ck_assert_str_eq(hi_buf_str(&buf), "key::key(int), a");
	hi_buf_clear(&buf);
	hi_phrase_names(&buf, names, 6, HI_PHRASE_BARE);
	ck_assert_str_eq(hi_buf_str(&buf), "key::key(int), a, b, c and 1 more");
	hi_buf_done(&buf);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("brief");
	TCase *tc = tcase_create("brief");

	tcase_add_test(tc, types_are_named_as_they_are_written);
	tcase_add_test(tc, long_names_lose_what_they_are_called_with);
	tcase_add_test(tc, a_list_has_each_name_once);
	suite_add_tcase(suite, tc);
	return hi_fixture_main(suite);
}
