#include "common/log.h"

#include "common/clock.h"
#include "common/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_SIZE    2048
#define SAMPLE_PERIOD_US (10 * US_PER_SECOND)

const char *const log_level_names[] = { "error", "warning", "notice", "info", "debug", NULL };
const enum log_level log_levels[] = { LOG_ERROR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG };

static struct {
    const char *program;
    enum log_level level;
    bool terminal;
} logging = { "lastgasp", LOG_INFO, false };

void log_open(const char *program, enum log_level level)
{
    logging.program = program;
    logging.level = level;
    logging.terminal = isatty(STDERR_FILENO) == 1;
}

static size_t print_head(char *line, size_t cap, enum log_level level)
{
    size_t used = 0;

    if (logging.terminal) {
        char now[CLOCK_TEXT_SIZE];
        clock_print(clock_wall_us(), now);
        text_append(line, cap, &used, "%.12s %s: ", now + strlen("2026-11-23T"), logging.program);
    } else {
        text_append(line, cap, &used, "<%d>", (int)level);
    }
    return used;
}

void log_line(enum log_level level, const char *id, const char *format, ...)
{
    if (level > logging.level)
        return;

    char words[LINE_MAX_SIZE], line[LINE_MAX_SIZE + 64];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof(words), format, arguments);
    va_end(arguments);

    size_t used = print_head(line, sizeof(line), level);
    if (id != NULL)
        text_append(line, sizeof(line), &used, "[%s] ", id);
    used += text_printable(line + used, sizeof(line) - used - 1, words, strlen(words), 0);
    line[used++] = '\n';
    /* One write a line, so that lines of several processes on one terminal do not mix.  Nothing
     * can be done about a standard error that does not take it. */
    if (write(STDERR_FILENO, line, used) < 0)
        return;
}

bool log_sample_due(struct log_sample *sample, uint64_t monotonic_us, uint64_t *skipped)
{
    if (sample->last_us != 0 && monotonic_us - sample->last_us < SAMPLE_PERIOD_US) {
        sample->skipped++;
        return false;
    }
    *skipped = sample->skipped;
    sample->skipped = 0;
    sample->last_us = monotonic_us;
    return true;
}
