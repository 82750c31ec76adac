#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Makes bytes of any origin printable UTF-8: invalid UTF-8, control characters (but not tab, which
 * becomes a space), NUL, surrogates and bidirectional overrides become '?'; other valid UTF-8
 * stays.  Writes at most CAP - 1 bytes and a NUL, never half a character, and stops before the
 * result would need more than ENCODED_MAX bytes between the quotes of a JSON string (0: no such
 * limit).  Returns the length written.
 */
size_t text_printable(char *out, size_t cap, const char *bytes, size_t size, size_t encoded_max);

/* How many bytes TEXT (printable UTF-8) takes between the quotes of a JSON string. */
size_t text_encoded_size(const char *text);

/* Whether SIZE bytes are valid UTF-8 by RFC 3629: no overlong form, no surrogate, none above
 * U+10FFFF.  NUL counts as a character. */
bool text_is_utf8(const char *bytes, size_t size);

/* snprintf that appends at *USED and never goes past CAP; *USED stays below CAP. */
void text_append(char *out, size_t cap, size_t *used, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
