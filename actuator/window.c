#include "actuator/window.h"

void window_init(struct window *window)
{
    *window = (struct window){ .size = WINDOW_START };
}

static void resize(struct window *window, unsigned size)
{
    window->size = size;
    window->answers = window->writes = 0;
    window->took_us = 0;
}

/* After a windowful of answers: the size that the next one is to have. */
static unsigned next_size(struct window *window)
{
    if (window->size < WINDOW_START)
        return window->size + 1;
    if (window->writes == 0) /* reads are faster, which says nothing of writes */
        return window->size;

    uint64_t mean_us = window->took_us / window->writes;
    if (window->fastest_us == 0 || mean_us < window->fastest_us)
        window->fastest_us = mean_us;
    if (mean_us <= window->fastest_us + window->fastest_us / 4 && window->size < WINDOW_MOST)
        return window->size + 1;
    if (mean_us > 2 * window->fastest_us && window->size > WINDOW_START)
        return window->size - 1;
    return window->size;
}

void window_answered(struct window *window, const struct window_answer *answer)
{
    if (answer->status == 429) {
        if (answer->sent_us < window->halved_us)
            return;
        window->halved_us = answer->answered_us;
        resize(window, window->size > 1 ? window->size / 2 : 1);
        return;
    }
    /* As long as it is not full it is not what holds anything up. */
    if (answer->status == 0 || answer->in_flight < window->size)
        return;
    window->answers++;
    if (answer->wrote) {
        window->writes++;
        window->took_us += answer->answered_us - answer->sent_us;
    }
    if (window->answers >= window->size)
        resize(window, next_size(window));
}
