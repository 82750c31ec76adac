#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Standard base64 with padding (RFC 4648, section 4), line breaks ignored, as Go's decoder takes
 * it.  The bytes are the caller's to free and NUL-terminated; NULL when TEXT is not base64. */
char *base64_decode(const char *text, size_t *size);
