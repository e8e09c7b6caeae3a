#include "elfscan/result_words.h"

static const struct hi_result unknown = { .kind = HI_RESULT_UNKNOWN };

static bool is_x87(uint8_t class)
{
	return class >= HI_CLASS_X87;
}

void hi_words_merge(struct hi_words *classes, uint64_t word, uint8_t class)
{
	uint8_t *old = &classes->of[word];

	if (*old == class || class == HI_CLASS_NONE)
		return;
	if (*old == HI_CLASS_NONE)
		*old = class;
	else if (*old == HI_CLASS_INTEGER || class == HI_CLASS_INTEGER)
		*old = HI_CLASS_INTEGER;
	else if (is_x87(*old) || is_x87(class))
		classes->is_mixed = true;
	else
		*old = HI_CLASS_SSE;
}

enum hi_verdict hi_words_cover(struct hi_words *classes, uint64_t at,
			       uint64_t len, uint8_t first, uint8_t rest)
{
	if (!len)
		return HI_IN_CLASSES;
	if (len > HI_WORDS_MAX * HI_WORD || at > HI_WORDS_MAX * HI_WORD - len)
		return HI_IN_MEMORY;
	hi_words_merge(classes, at / HI_WORD, first);
	for (uint64_t i = at / HI_WORD + 1; i <= (at + len - 1) / HI_WORD; i++)
		hi_words_merge(classes, i, rest);
	return HI_IN_CLASSES;
}

bool hi_words_have_stray(const struct hi_words *classes)
{
	for (uint64_t i = 0; i < HI_WORDS_MAX; i++)
		if (classes->of[i] == HI_CLASS_COMPLEX_X87 ||
		    (classes->of[i] == HI_CLASS_X87UP &&
		     (i == 0 || classes->of[i - 1] != HI_CLASS_X87)))
			return true;
	return false;
}

struct hi_result hi_words_conclude(const struct hi_result_reader *reader,
				   const struct hi_words *classes,
				   uint64_t size)
{
	struct hi_result memory = { HI_RESULT_MEMORY, size };
	uint64_t n = (size + HI_WORD - 1) / HI_WORD;

	if (classes->is_mixed || hi_words_have_stray(classes))
		return memory;
	for (uint64_t i = 0; i < n; i++) {
		uint8_t class = classes->of[i];

		if (n > 2 && class != (i ? HI_CLASS_SSEUP : HI_CLASS_SSE))
			return classes->is_wide && reader->is_clang ? unknown :
								      memory;
	}
	return (struct hi_result){
		.kind = classes->of[0] == HI_CLASS_X87 ? HI_RESULT_X87 :
							 HI_RESULT_REGISTERS,
	};
}
