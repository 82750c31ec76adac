#include "common/kube/status.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define RETRY_AFTER_MAX_S 86400
#define STRANGE_BODY_MAX  200

enum { ROW_KIND, ROW_REASON, ROW_MESSAGE, ROW_FIELD, ROW_RETRY_AFTER };

static const struct json_pick_row rows[] = {
    [ROW_KIND] = { "kind" },
    [ROW_REASON] = { "reason" },
    [ROW_MESSAGE] = { "message" },
    [ROW_FIELD] = { "details.causes[].field" },
    [ROW_RETRY_AFTER] = { "details.retryAfterSeconds" },
    { NULL },
};

struct parsing {
    struct status *status;
    bool is_status;
};

static void picked(void *arg, unsigned row, enum json_event event, const char *key,
                   const char *text, size_t size)
{
    (void)key;
    struct parsing *parsing = arg;
    struct status *status = parsing->status;
    if (event == JSON_NUMBER && row == ROW_RETRY_AFTER) {
        uint64_t seconds;
        if (json_count(text, size, RETRY_AFTER_MAX_S, &seconds))
            status->retry_after_us = seconds * US_PER_SECOND;
    }
    if (event != JSON_STRING)
        return;
    if (row == ROW_KIND)
        parsing->is_status = strcmp(text, "Status") == 0;
    else if (row == ROW_REASON)
        text_printable(status->reason, sizeof(status->reason), text, size, 0);
    else if (row == ROW_MESSAGE)
        text_printable(status->message, sizeof(status->message), text, size, 0);
    else if (row == ROW_FIELD && !status->field[0])
        text_printable(status->field, sizeof(status->field), text, size, 0);
}

void status_parse(struct status *status, const char *body, size_t size)
{
    *status = (struct status){ 0 };
    struct parsing parsing = { .status = status };
    if (json_pick_document(rows, picked, &parsing, body, size) && parsing.is_status)
        return;
    *status = (struct status){ 0 };
    while (size && isspace((unsigned char)body[size - 1]))
        size--;
    text_printable(status->message, STRANGE_BODY_MAX + 1, body, size, 0);
}
