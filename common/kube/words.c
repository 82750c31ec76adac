#include "common/kube/http.h"

#include "common/text.h"

#include <ctype.h>
#include <string.h>

void kube_describe(const char *verb, const char *resource, const struct kube_answer *answer,
                   char *out, size_t cap)
{
    size_t used = 0;
    for (; *verb; verb++)
        text_append(out, cap, &used, "%c", tolower((unsigned char)*verb));
    text_append(out, cap, &used, " %s: ", resource);
    if (answer->reason[0])
        text_append(out, cap, &used, "%s", answer->reason);
    else if (answer->status)
        text_append(out, cap, &used, "HTTP %u", answer->status);
    if (answer->status && answer->message[0])
        text_append(out, cap, &used, ": ");
    text_append(out, cap, &used, "%s", answer->message);
}

static bool is_unreserved(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("-._~", c));
}

const char *kube_escape(const char *text, char *out, size_t cap)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t used = 0;
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if (used + 4 > cap)
            return strcpy(out, "-");
        if (is_unreserved(*text)) {
            out[used++] = *text;
            continue;
        }
        out[used++] = '%';
        out[used++] = digits[byte >> 4];
        out[used++] = digits[byte & 15];
    }
    out[used] = '\0';
    return out;
}
