#pragma once

#include <stddef.h>
#include <stdint.h>

/* What every target defines and libFuzzer or replay.c calls; always returns 0 and aborts when
 * something does not hold. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
