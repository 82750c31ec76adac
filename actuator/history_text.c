#include "actuator/history_text.h"

#include <string.h>
#include <time.h>

#include "actuator/history_kept.h"
#include "common/clock.h"

/* How wide the columns of a table have to be: it is read twice, first for this. */
struct widths {
    size_t first, second, third;
};

static void widen(size_t *width, size_t size)
{
    if (size > *width)
        *width = size;
}

struct printing {
    FILE *out;
    struct widths widths;
    size_t rows, open;
};

#define DATE_SIZE 40

/* "2026-11-23 07:12:20 +0100" */
static const char *date(uint64_t wall_us, char text[DATE_SIZE])
{
    time_t seconds = (time_t)(wall_us / US_PER_SECOND);
    struct tm parts;

    localtime_r(&seconds, &parts);
    strftime(text, DATE_SIZE, "%Y-%m-%d %H:%M:%S %z", &parts);
    return text;
}

/* "07:12:20.123", the time of day of a step. */
static const char *time_of_day(uint64_t wall_us, char text[DATE_SIZE])
{
    time_t seconds = (time_t)(wall_us / US_PER_SECOND);
    struct tm parts;

    localtime_r(&seconds, &parts);
    size_t used = strftime(text, DATE_SIZE, "%H:%M:%S", &parts);
    snprintf(text + used, DATE_SIZE - used, ".%03u",
             (unsigned)(wall_us % US_PER_SECOND / US_PER_MS));
    return text;
}

/* What happened, in one word: of a panic, which. */
static const char *code_of(const struct history_incident *row)
{
    return strcmp(row->cause, "kernel-panic") == 0 ? row->reason_code : row->cause;
}

static bool is_open(const struct history_incident *row)
{
    return *row->outcome == '\0';
}

static void measure_incident(void *arg, const struct history_incident *row)
{
    struct printing *printing = arg;
    size_t open = is_open(row) ? strlen("()") + strlen(row->state) : 0;

    widen(&printing->widths.first, strlen(row->node));
    widen(&printing->widths.second, strlen(code_of(row)));
    widen(&printing->widths.third, open > 0 ? open : strlen(row->outcome));
    printing->rows++;
    printing->open += open > 0;
}

static void print_incident(void *arg, const struct history_incident *row)
{
    const struct printing *printing = arg;
    char since[DATE_SIZE], outcome[32];

    snprintf(outcome, sizeof(outcome), is_open(row) ? "(%s)" : "%s",
             is_open(row) ? row->state : row->outcome);
    fprintf(printing->out, "%s  %.8s  %-*s  %-*s  %-*s  %s\n", date(row->opened_us, since), row->id,
            (int)printing->widths.first, row->node, (int)printing->widths.second, code_of(row),
            (int)printing->widths.third, outcome, row->reason);
}

static bool print_list(struct history *history, struct printing *printing)
{
    FILE *out = printing->out;

    if (!history_incidents(history, NULL, measure_incident, printing))
        return false;
    if (printing->rows == 0) {
        fputs("no incident so far\n", out);
        return true;
    }
    fprintf(out, "%-25s  %-8s  %-*s  %-*s  %-*s  %s\n", "SINCE", "ID", (int)printing->widths.first,
            "NODE", (int)printing->widths.second, "CODE", (int)printing->widths.third, "OUTCOME",
            "REASON");
    if (!history_incidents(history, NULL, print_incident, printing))
        return false;
    if (printing->open > 0)
        fprintf(out, "\n%zu of %zu open: those in parentheses\n", printing->open, printing->rows);
    return true;
}

bool history_list_text(struct history *history, FILE *out)
{
    struct printing printing = { .out = out, .widths = { 4, 4, 7 } };

    if (!history_begin(history))
        return false;
    bool read = print_list(history, &printing);
    history_end(history);
    return read;
}

static void print_head(void *arg, const struct history_incident *row)
{
    FILE *out = arg;
    char text[DATE_SIZE];

    fprintf(out, "incident  %s\nnode      %s\nuid       %s\nboot      %s\n", row->id, row->node,
            row->uid, row->boot);
    fprintf(out, "cause     %s (%s)\nreason    %s\nverdict   %s\nevidence  %s\n", row->cause,
            row->reason_code, row->reason, row->verdict, row->words);
    fprintf(out, "heard     %s\n", date(row->received_us, text));
    fprintf(out, "expires   %s\n", date(row->expires_us, text));
    if (is_open(row)) {
        fprintf(out, "state     %s: not closed yet\n", row->state);
        return;
    }
    fprintf(out, "outcome   %s: %s\n", row->outcome, row->detail);
    if (row->closed_us != RECORD_ABSENT)
        fprintf(out, "closed    %s, %.1f s after it was heard\n", date(row->closed_us, text),
                ((double)row->closed_us - (double)row->received_us) / US_PER_SECOND);
    if (strcmp(row->state, "watching") == 0)
        fputs("watching  whether the machine answers again, for 10 minutes\n", out);
}

static void print_step(void *arg, const struct history_step *row)
{
    char text[DATE_SIZE];

    fprintf(arg, "  %s  %+10.1f ms  %s\n", time_of_day(row->at_us, text),
            ((double)row->at_us - (double)row->received_us) / US_PER_MS, row->words);
}

static size_t pod_size(const struct history_pod *row)
{
    return strlen(row->namespace) + 1 + strlen(row->name);
}

static size_t owner_size(const struct history_pod *row)
{
    return *row->owner_kind ? strlen(row->owner_kind) + 1 + strlen(row->owner_name) : 1;
}

static void measure_pod(void *arg, const struct history_pod *row)
{
    struct printing *printing = arg;

    widen(&printing->widths.first, pod_size(row));
    widen(&printing->widths.second, owner_size(row));
    printing->rows++;
}

static void print_pod(void *arg, const struct history_pod *row)
{
    const struct printing *printing = arg;
    bool owned = *row->owner_kind;
    char text[DATE_SIZE];

    fprintf(printing->out, "  %s  %s/%s%*s  %s%s%s%*s  %s\n", time_of_day(row->at_us, text),
            row->namespace, row->name, (int)(printing->widths.first - pod_size(row)), "",
            owned ? row->owner_kind : "-", owned ? " " : "", owned ? row->owner_name : "",
            (int)(printing->widths.second - owner_size(row)), "", row->done);
}

static bool print_pods(struct history *history, const char *id, FILE *out)
{
    struct printing printing = { .out = out };

    if (!history_pods(history, id, measure_pod, &printing))
        return false;
    if (printing.rows == 0)
        fputs("  none\n", out);
    return history_pods(history, id, print_pod, &printing);
}

static void print_line(void *arg, const char *line)
{
    fprintf(arg, "  %s\n", line);
}

static void print_kept(void *arg, const struct history_incident *row)
{
    FILE *out = arg;

    if (*row->kept == '\0')
        return;
    fputs("\nwhat the deleted Node had, for whoever has to make it again\n", out);
    history_kept_text(row->kept, out);
}

static bool print_all(struct history *history, const char *id, FILE *out)
{
    return history_incidents(history, id, print_head, out) && fputs("\ntimeline\n", out) >= 0 &&
           history_steps(history, id, print_step, out) && fputs("\npods\n", out) >= 0 &&
           print_pods(history, id, out) && history_incidents(history, id, print_kept, out) &&
           fputs("\npanics and reports heard\n", out) >= 0 &&
           history_panics(history, id, print_line, out) &&
           fputs("\nwhat the kernel said\n", out) >= 0 &&
           history_trace(history, id, print_line, out);
}

bool history_show_text(struct history *history, const char *id, FILE *out)
{
    if (!history_begin(history))
        return false;
    bool read = print_all(history, id, out);
    history_end(history);
    return read;
}

void history_step_heading(FILE *out)
{
    fprintf(out, "%-12s  %-8s  %-24s %s\n", "AT", "ID", "NODE", "STEP");
}

void history_step_text(const struct history_step *step, FILE *out)
{
    char text[DATE_SIZE];

    fprintf(out, "%s  %.8s  %-24s %s\n", time_of_day(step->at_us, text), step->incident, step->node,
            step->words);
}
