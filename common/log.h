#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * One line an event, to standard error.  On a terminal with the time in front of it; elsewhere
 * with the journal's <N> prefix (sd-daemon(3)), since the journal knows the time.  A line that is
 * about one incident or panic begins with its id in brackets, so that `grep ID` tells its story
 * across all three stages.  Control characters in a line are replaced: what comes from a datagram
 * cannot forge a line.
 */
enum log_level {
    LOG_ALERT = 1, /* a person is needed now: something may be lost */
    LOG_ERROR = 3,
    LOG_WARNING = 4,
    LOG_NOTICE = 5, /* what an operator wants to see every day */
    LOG_INFO = 6,
    LOG_DEBUG = 7,
};

/* What --log-level offers, and what each of its indices stands for. */
extern const char *const log_level_names[]; /* ends with NULL */
extern const enum log_level log_levels[];
#define LOG_LEVEL_INITIAL 3 /* info */

/* PROGRAM is kept, not copied.  Lines above LEVEL are not written. */
void log_open(const char *program, enum log_level level);

/* ID may be NULL.  A line is cut at 2 KiB. */
void log_line(enum log_level level, const char *id, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_alert(...)          log_line(LOG_ALERT, NULL, __VA_ARGS__)
#define log_error(...)          log_line(LOG_ERROR, NULL, __VA_ARGS__)
#define log_warning(...)        log_line(LOG_WARNING, NULL, __VA_ARGS__)
#define log_notice(...)         log_line(LOG_NOTICE, NULL, __VA_ARGS__)
#define log_info(...)           log_line(LOG_INFO, NULL, __VA_ARGS__)
#define log_debug(...)          log_line(LOG_DEBUG, NULL, __VA_ARGS__)
#define log_alert_of(id, ...)   log_line(LOG_ALERT, id, __VA_ARGS__)
#define log_error_of(id, ...)   log_line(LOG_ERROR, id, __VA_ARGS__)
#define log_warning_of(id, ...) log_line(LOG_WARNING, id, __VA_ARGS__)
#define log_notice_of(id, ...)  log_line(LOG_NOTICE, id, __VA_ARGS__)
#define log_info_of(id, ...)    log_line(LOG_INFO, id, __VA_ARGS__)
#define log_debug_of(id, ...)   log_line(LOG_DEBUG, id, __VA_ARGS__)

/*
 * For what strangers can cause as often as they like: at most one line per 10 s and kind.
 * Returns whether this one may be logged; *SKIPPED is then how many were not since the last.
 * A zeroed struct is one that may log.
 */
struct log_sample {
    uint64_t last_us;
    uint64_t skipped;
};
bool log_sample_due(struct log_sample *sample, uint64_t monotonic_us, uint64_t *skipped);
