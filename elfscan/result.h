/* stub until merged */
#ifndef HI_ELFSCAN_RESULT_H
#define HI_ELFSCAN_RESULT_H
#include <stddef.h>
enum hi_result_kind { HI_RESULT_REGISTERS, HI_RESULT_X87, HI_RESULT_X87_PAIR, HI_RESULT_MEMORY, HI_RESULT_UNKNOWN };
struct hi_result { enum hi_result_kind kind; size_t size; };
#endif
