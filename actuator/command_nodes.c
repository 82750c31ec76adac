#include "actuator/command.h"

#include "common/address.h"
#include "common/json.h"
#include "common/text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * The page is correlator/pages.h's /nodes: a JSON object a line a Node, printed as they come, and a
 * last one with the sums, without which it was cut short.
 */
#define NAME_SIZE    254
#define PATIENCE_S   10
#define UNKNOWN      UINT64_MAX
#define REQUEST      "GET /nodes HTTP/1.0\r\n\r\n"
#define ROW_FORMAT   "%-40s %-39s %-16s %s\n"
#define MINUTE_S     60
#define HOUR_S       3600
#define MINUTES_MOST (3 * HOUR_S) /* from here on hours will do */

static const char *endpoint = "127.0.0.1:9478";
const struct option_row command_nodes_rows[] = {
    { "correlator", OPTION_TEXT, &endpoint, "ADDR:PORT",
      "where the correlator serves its metrics" },
    { NULL },
};

enum field {
    NODE,
    ADDRESS,
    MUTE,
    PROBABLE,
    NUMBERS, /* from here on */
    HEARD_S = NUMBERS,
    ANSWERED_S,
    SUM_NODES,
    SUM_HEARD,
    SUM_PROBABLE,
    WINDOW_S,
    RUNNING_S,
    FIELDS,
};
static const struct json_pick_row fields[] = {
    [NODE] = { "node" },
    [ADDRESS] = { "address" },
    [MUTE] = { "mute" },
    [PROBABLE] = { "probable" },
    [HEARD_S] = { "heard_s" },
    [ANSWERED_S] = { "answered_s" },
    [SUM_NODES] = { "nodes" },
    [SUM_HEARD] = { "nodes_heard" },
    [SUM_PROBABLE] = { "nodes_probable" },
    [WINDOW_S] = { "window_s" },
    [RUNNING_S] = { "running_s" },
    [FIELDS] = { NULL },
};

struct line {
    char node[NAME_SIZE], address[ADDRESS_TEXT_SIZE];
    bool mute, probable;
    uint64_t numbers[FIELDS]; /* UNKNOWN: null, or not there */
};

static void on_field(void *arg, unsigned row, enum json_event event, const char *key,
                     const char *text, size_t size)
{
    struct line *line = arg;

    (void)key;
    if (row == NODE && event == JSON_STRING)
        text_printable(line->node, sizeof(line->node), text, size, 0);
    else if (row == ADDRESS && event == JSON_STRING)
        text_printable(line->address, sizeof(line->address), text, size, 0);
    else if (row == MUTE)
        line->mute = event == JSON_TRUE;
    else if (row == PROBABLE)
        line->probable = event == JSON_TRUE;
    else if (row >= NUMBERS && event == JSON_NUMBER &&
             !json_count(text, size, UNKNOWN - 1, &line->numbers[row]))
        line->numbers[row] = UNKNOWN;
}

static bool read_line(const char *text, size_t size, struct line *line)
{
    *line = (struct line){ .mute = false };
    for (size_t i = 0; i < FIELDS; i++)
        line->numbers[i] = UNKNOWN;
    return json_pick_document(fields, on_field, line, text, size) &&
           (line->node[0] != '\0' || line->numbers[SUM_NODES] != UNKNOWN);
}

static const char *print_time(uint64_t seconds, char *text, size_t cap)
{
    if (seconds < 2 * MINUTE_S)
        snprintf(text, cap, "%llu s", (unsigned long long)seconds);
    else if (seconds < MINUTES_MOST)
        snprintf(text, cap, "%llu min", (unsigned long long)(seconds / MINUTE_S));
    else
        snprintf(text, cap, "%llu h", (unsigned long long)(seconds / HOUR_S));
    return text;
}

static void print_node(const struct line *line)
{
    char time[32], heard[48] = "mute", probable[80] = "yes";

    if (!line->mute && line->numbers[HEARD_S] != UNKNOWN)
        snprintf(heard, sizeof(heard), "%s ago",
                 print_time(line->numbers[HEARD_S], time, sizeof(time)));
    else if (line->numbers[HEARD_S] != UNKNOWN)
        snprintf(heard, sizeof(heard), "mute for %s",
                 print_time(line->numbers[HEARD_S], time, sizeof(time)));
    if (!line->probable && line->numbers[ANSWERED_S] != UNKNOWN)
        snprintf(probable, sizeof(probable), "no, its last answer was %s ago",
                 print_time(line->numbers[ANSWERED_S], time, sizeof(time)));
    else if (!line->probable)
        snprintf(probable, sizeof(probable), "no, it has never answered");
    printf(ROW_FORMAT, line->node, line->address, heard, probable);
}

/* Who was not heard since the correlator was started is not known to be mute. */
static void print_sums(const struct line *line)
{
    char window[32], running[32];
    const uint64_t *numbers = line->numbers;

    printf("%llu Nodes: %llu heard within %s, %llu probable",
           (unsigned long long)numbers[SUM_NODES], (unsigned long long)numbers[SUM_HEARD],
           print_time(numbers[WINDOW_S], window, sizeof(window)),
           (unsigned long long)numbers[SUM_PROBABLE]);
    if (numbers[RUNNING_S] < numbers[WINDOW_S])
        printf(" (the correlator has listened for %s only)",
               print_time(numbers[RUNNING_S], running, sizeof(running)));
    putchar('\n');
}

/* Reads over the head of the answer; false when it is not the page. */
static bool skip_head(FILE *in, char **text, size_t *cap)
{
    unsigned status = 0;

    if (getline(text, cap, in) < 0 || sscanf(*text, "HTTP/1.%*u %u", &status) != 1 || status != 200)
        return false;
    while (getline(text, cap, in) >= 0) {
        if (strcmp(*text, "\r\n") == 0)
            return true;
    }
    return false;
}

/* NULL, or what is wrong. */
static const char *print_page(FILE *in, char **text, size_t *cap)
{
    struct line line;
    ssize_t size;

    if (!skip_head(in, text, cap))
        return "no correlator answers there";
    printf(ROW_FORMAT, "NODE", "ADDRESS", "HEARD", "PROBABLE");
    while ((size = getline(text, cap, in)) > 0) {
        if (!read_line(*text, (size_t)size, &line))
            return "the answer cannot be read";
        if (line.node[0] == '\0') {
            print_sums(&line);
            return NULL;
        }
        print_node(&line);
    }
    return "the answer was cut short";
}

static int connect_to(const struct sockaddr_storage *name, socklen_t size)
{
    const struct timeval patience = { .tv_sec = PATIENCE_S };
    int fd = socket(name->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (connect(fd, (const struct sockaddr *)name, size) == 0 &&
        send(fd, REQUEST, strlen(REQUEST), MSG_NOSIGNAL) == (ssize_t)strlen(REQUEST))
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

int command_nodes(const char *operand)
{
    (void)operand;
    struct sockaddr_storage name;
    socklen_t size = address_parse_endpoint(endpoint, &name);

    if (size == 0) {
        fprintf(stderr, COMMAND ": --correlator=%s: must be ADDR:PORT or [ADDR]:PORT\n", endpoint);
        return 2;
    }
    int fd = connect_to(&name, size);
    FILE *in = fd >= 0 ? fdopen(fd, "r") : NULL;
    if (in == NULL) {
        fprintf(stderr, COMMAND ": %s: %s; it is the correlator's --metrics that is asked\n",
                endpoint, strerror(errno));
        return 1;
    }
    char *text = NULL;
    size_t cap = 0;
    const char *flaw = print_page(in, &text, &cap);
    free(text);
    fclose(in);
    if (flaw == NULL)
        return fflush(stdout) == 0 ? 0 : 1;
    fflush(stdout);
    fprintf(stderr, COMMAND ": %s: %s\n", endpoint, flaw);
    return 1;
}
