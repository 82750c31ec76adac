#pragma once

#include "actuator/ledger_state.h"

#define LEDGER_WORDS_SIZE 320

/* Who acts, what stops it, and how many Nodes may still be touched: for whoever asks what this host
 * is doing.  Pure. */
void ledger_words(const struct ledger_state *state, const struct limits_sizes *sizes,
                  uint64_t now_us, char words[LEDGER_WORDS_SIZE]);
