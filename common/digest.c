#include "common/digest.h"

#include <sha2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

const char *digest_print(const struct digest_part *parts, size_t count,
                         char text[DIGEST_TEXT_SIZE])
{
    SHA2_CTX context;
    uint8_t digest[SHA256_DIGEST_LENGTH];

    SHA256Init(&context);
    for (size_t i = 0; i < count; i++) {
        uint64_t size = parts[i].size;
        uint8_t prefix[8];
        for (size_t byte = 0; byte < sizeof(prefix); byte++)
            prefix[byte] = (uint8_t)(size >> (8 * byte));
        SHA256Update(&context, prefix, sizeof(prefix));
        SHA256Update(&context, parts[i].bytes, parts[i].size);
    }
    SHA256Final(digest, &context);
    for (size_t i = 0; i < (DIGEST_TEXT_SIZE - 1) / 2; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    return text;
}

const char *digest_incident(const char *uid, const char *boot, char text[DIGEST_TEXT_SIZE])
{
    struct digest_part parts[] = { { uid, strlen(uid) }, { boot, strlen(boot) } };
    return digest_print(parts, 2, text);
}

const char *digest_drill(const char *uid, const char *boot, const char *drill,
                         char text[DIGEST_TEXT_SIZE])
{
    struct digest_part parts[] = { { uid, strlen(uid) },
                                   { boot, strlen(boot) },
                                   { drill, strlen(drill) } };
    return digest_print(parts, 3, text);
}
