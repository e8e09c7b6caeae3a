#include "elfscan/report_string.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/buf.h"

/* What may stand behind FIRST: so many bytes, of which the first is limited. */
struct rest {
	int n;
	uint8_t low, high;
};

static bool get_rest(uint8_t first, struct rest *ret_rest)
{
	*ret_rest = (struct rest){ 0, 0x80, 0xbf };
	if (first < 0x80)
		return true;
	if (first < 0xc2 || first > 0xf4)
		return false;
	ret_rest->n = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
	/* longer than needed, halves of pairs, beyond the last character */
	if (first == 0xe0)
		ret_rest->low = 0xa0;
	if (first == 0xed)
		ret_rest->high = 0x9f;
	if (first == 0xf0)
		ret_rest->low = 0x90;
	if (first == 0xf4)
		ret_rest->high = 0x8f;
	return true;
}

/* The length of the character that TEXT begins with; 0: it is none. */
static size_t measure(const uint8_t *text)
{
	struct rest rest;

	if (!get_rest(text[0], &rest))
		return 0;
	for (int i = 1; i <= rest.n; i++) {
		uint8_t low = i == 1 ? rest.low : 0x80;
		uint8_t high = i == 1 ? rest.high : 0xbf;

		if (text[i] < low || text[i] > high)
			return 0;
	}
	return (size_t)rest.n + 1;
}

json_t *hi_report_string(const char *text)
{
	json_t *string = json_string(text);
	struct hi_buf buf = HI_BUF_INIT;

	if (string)
		return string;
	while (*text) {
		size_t len = measure((const uint8_t *)text);

		if (len)
			hi_buf_add(&buf, text, len);
		else
			hi_buf_text(&buf, "\xef\xbf\xbd");
		text += len ? len : 1;
	}
	if (!buf.failed)
		string = json_string(hi_buf_str(&buf));
	hi_buf_done(&buf);
	return string;
}
