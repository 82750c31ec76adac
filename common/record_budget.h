#pragma once

#include "common/text.h"

/* What an entry of LINES, PAIRS or COUNTS takes from its field's budget, the same for who writes
 * and who reads: a text its quotes and the ',' or ':' after it, a number its digits and a ','. */
static inline size_t record_text_cost(const char *text)
{
    return text_encoded_size(text) + 3;
}

#define RECORD_NUMBER_COST 17 /* 2^53 has 16 digits */
