#include "actuator/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "actuator/history.h"
#include "actuator/history_json.h"
#include "actuator/history_text.h"
#include "common/clock.h"

#define FOLLOW_PERIOD_US (200 * US_PER_MS)

const struct option_row command_look_rows[] = { COMMAND_JSON_ROW, COMMAND_STATE_ROW, { NULL } };

/* NULL, said, when there is none. */
static struct history *open_history(void)
{
    char error[HISTORY_ERROR_SIZE];
    struct history *history = history_open(command_state, error);

    if (!history)
        fprintf(stderr, COMMAND ": %s\n", error);
    return history;
}

int command_list(const char *operand)
{
    (void)operand;
    struct history *history = open_history();

    if (!history)
        return 1;
    bool read =
        command_json ? history_list_json(history, stdout) : history_list_text(history, stdout);
    history_close(history);
    return read ? 0 : 1;
}

int command_show(const char *prefix)
{
    struct history *history = open_history();
    char *id = history ? history_find(history, prefix) : NULL;
    bool read = id && (command_json ? history_show_json(history, id, stdout)
                                    : history_show_text(history, id, stdout));

    free(id);
    if (history)
        history_close(history);
    return read ? 0 : 1;
}

static void print_step(void *arg, const struct history_step *step)
{
    (void)arg;
    if (command_json)
        history_step_json(step, stdout);
    else
        history_step_text(step, stdout);
}

int command_follow(const char *operand)
{
    (void)operand;
    struct history *history = open_history();

    if (!history)
        return 1;
    int64_t end = history_now(history);
    if (!command_json)
        history_step_heading(stdout);
    while (fflush(stdout) == 0 && history_news(history, &end, print_step, NULL))
        usleep(FOLLOW_PERIOD_US);
    history_close(history);
    return 1;
}
