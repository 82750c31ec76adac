#include "actuator/history_kept.h"

#include <string.h>

#include "common/json.h"

enum row { LABEL, ANNOTATION, TAINT, TAINT_KEY, TAINT_VALUE, TAINT_EFFECT };

static const struct json_pick_row rows[] = {
    [LABEL] = { "labels{}" },
    [ANNOTATION] = { "annotations{}" },
    [TAINT] = { "taints[]" },
    [TAINT_KEY] = { "taints[].key" },
    [TAINT_VALUE] = { "taints[].value" },
    [TAINT_EFFECT] = { "taints[].effect" },
    { NULL },
};

/* The taint that is being read; its texts end with the next member. */
struct taint {
    FILE *out;
    char key[512], value[128], effect[64];
};

static void print_taint(const struct taint *taint)
{
    fprintf(taint->out, "  taint       %s%s%s:%s\n", taint->key, *taint->value ? "=" : "",
            taint->value, taint->effect);
}

static void on_value(void *arg, unsigned row, enum json_event event, const char *key,
                     const char *text, size_t size)
{
    struct taint *taint = arg;

    (void)size;
    switch ((enum row)row) {
    case LABEL:
        fprintf(taint->out, "  label       %s=%s\n", key, text);
        break;
    case ANNOTATION:
        fprintf(taint->out, "  annotation  %s=%s\n", key, text);
        break;
    case TAINT:
        if (event == JSON_OBJECT)
            taint->key[0] = taint->value[0] = taint->effect[0] = '\0';
        else
            print_taint(taint);
        break;
    case TAINT_KEY:
        snprintf(taint->key, sizeof(taint->key), "%s", text);
        break;
    case TAINT_VALUE:
        snprintf(taint->value, sizeof(taint->value), "%s", text);
        break;
    case TAINT_EFFECT:
        snprintf(taint->effect, sizeof(taint->effect), "%s", text);
        break;
    }
}

void history_kept_text(const char *kept, FILE *out)
{
    struct taint taint = { .out = out };

    if (!json_pick_document(rows, on_value, &taint, kept, strlen(kept)))
        fprintf(out, "  %s\n", kept);
}
