#include "listener/dictionary.h"

#include <string.h>

bool dictionary_is(struct span key, const char *name)
{
    return key.size == strlen(name) && memcmp(key.bytes, name, key.size) == 0;
}

bool dictionary_next(struct dictionary *dictionary, struct span *key, struct span *value)
{
    while (netconsole_pair(&dictionary->rest, key, value)) {
        if (dictionary->after_task && !dictionary_is(*key, "release") &&
            !dictionary_is(*key, "msgid"))
            continue;
        dictionary->after_task = dictionary->after_task || dictionary_is(*key, "taskname");
        return true;
    }
    return false;
}

struct span dictionary_find(struct span dictionary, const char *name)
{
    struct dictionary at = { .rest = dictionary };
    struct span key, value;
    while (dictionary_next(&at, &key, &value))
        if (dictionary_is(key, name))
            return value;
    return (struct span){ "", 0 };
}
