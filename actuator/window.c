#include "actuator/window.h"

#include <stdbool.h>

void window_init(struct window *window)
{
    *window = (struct window){ .size = WINDOW_START };
}

void window_answered(struct window *window, unsigned status, uint64_t sent_us, uint64_t now_us)
{
    bool refused = status == 429;

    if (refused && sent_us >= window->halved_us) {
        window->size = window->size > 1 ? window->size / 2 : 1;
        window->good = 0;
        window->halved_us = now_us;
    } else if (!refused && status != 0 && ++window->good >= window->size) {
        window->good = 0;
        if (window->size < WINDOW_MOST)
            window->size++;
    }
}
