#include "correlator/nodewatch.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "correlator/nodeparse.h"
#include "correlator/watchstep.h"

#include <event2/event.h>
#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * One request is under way at a time; when it ends, watchstep says what comes next and when, and
 * the `retry` timer sends it.  While one is under way the `tick` timer, once a second, looks
 * whether it fell silent.
 *
 * Bytes go from libcurl straight into the parser.  From inside that call nothing may be cancelled
 * or asked, so whatever ends a stream from within (an ERROR event, input that is not JSON) is
 * noted in `outcome` and the call ended by returning false; on_done() does the rest.
 *
 * Once the list is whole nothing waits for the next event but a panic, of which it must be known
 * whose it is at that moment: a kernel that panics as soon as its kubelet has said its boot id is
 * not the one before.  So the stream is read each REST_US at most, and when a panic is heard.
 *
 * The reason why a watch was lost is logged once, not for each attempt that fails like the one
 * before; the next whole list, or a stream that lives on, is logged in its turn.
 */
#define STALE_US    (60 * US_PER_SECOND)
#define CATCH_UP_US (2 * US_PER_SECOND)
#define REST_US     (250 * US_PER_MS)
#define TIMEOUT_S   300 /* a stream is asked for 5 to 10 minutes */
#define WHY_SIZE    KUBE_ERROR_SIZE

enum counter {
    LISTS,
    EVENTS, /* of the watch, after the list */
    LOST,   /* streams and lists that ended badly */
    ODD,    /* as in struct generations */
    UNUSABLE,
    COUNTERS,
};
static const char *const counter_names[COUNTERS] = { "map_lists", "map_events", "map_lost",
                                                     "map_odd", "map_unusable" };

struct nodewatch {
    struct kube_client *client;
    const char *annotation;
    struct watchstep step;
    struct generations maps;

    struct kube_call *call;
    struct nodeparse *parse;
    struct event *retry, *tick;
    uint64_t asked_us, byte_us;   /* monotonic; byte_us 0: nothing came yet */
    uint64_t list_us;             /* when the list that is being gathered was begun */
    uint64_t down_us;             /* since when there is no stream */
    struct watch_outcome outcome; /* what the stream itself said; end WATCH_ENDED: nothing */
    char why[WHY_SIZE];           /* of the outcome */
    char logged[WHY_SIZE];        /* the last reason that was logged */
    uint64_t values[COUNTERS];
    struct counters counters;
};

static void ask(struct nodewatch *watch);

static uint32_t random_32(void)
{
    uint32_t number = 0;
    evutil_secure_rng_get_bytes(&number, sizeof(number));
    return number;
}

static void set_timer(struct event *timer, uint64_t us)
{
    struct timeval after = { .tv_sec = (time_t)(us / US_PER_SECOND),
                             .tv_usec = (suseconds_t)(us % US_PER_SECOND) };
    evtimer_add(timer, &after);
}

/* Whether a watch stands: bytes came over it, or it has been open for longer than the HTTP layer
 * waits for an answer to begin. */
static bool has_stream(const struct nodewatch *watch)
{
    if (watch->call == NULL || watch->step.request != WATCH_EVENTS)
        return false;
    return watch->byte_us != 0 || clock_monotonic_us() - watch->asked_us > WATCH_BEGIN_US;
}

/* After a long time without one, a stream has to deliver first what happened meanwhile. */
bool nodewatch_is_stale(const struct nodewatch *watch)
{
    uint64_t now = clock_monotonic_us();
    if (has_stream(watch) && now - watch->asked_us > CATCH_UP_US)
        return false;
    return now - watch->down_us > STALE_US;
}

static void serve_list(struct nodewatch *watch)
{
    uint64_t now = clock_monotonic_us();
    watch->down_us = now;
    watch->logged[0] = '\0';
    log_notice("synced %zu nodes in %llu ms", nodemap_count(watch->maps.next),
               (unsigned long long)((now - watch->list_us) / US_PER_MS));
    generations_serve(&watch->maps);
}

static void on_node(void *arg, const struct nodeparse_event *event)
{
    struct nodewatch *watch = arg;
    if (watch->outcome.end != WATCH_ENDED)
        return;
    if (event->kind == NODEPARSE_ERROR) {
        watch->outcome = (struct watch_outcome){ .end = WATCH_REFUSED,
                                                 .status = event->code,
                                                 .retry_after_us = event->retry_after_us };
        snprintf(watch->why, sizeof(watch->why), "the server ended it with %u%s%s", event->code,
                 event->message[0] ? ": " : "", event->message);
        return;
    }
    generations_take(&watch->maps, event);
    if (watch->step.request == WATCH_PAGED_LIST)
        return;
    watch->values[EVENTS] += watch->step.request == WATCH_EVENTS;
    if (event->kind == NODEPARSE_BOOKMARK && watch->step.request == WATCH_STREAMING_LIST &&
        !event->initial_end) {
        watch->outcome.end = WATCH_IGNORED;
        snprintf(watch->why, sizeof(watch->why), "the server ignores sendInitialEvents");
        return;
    }
    if (watchstep_event(&watch->step, event->version, event->initial_end)) {
        serve_list(watch);
        kube_rest(watch->call, REST_US);
    }
}

static bool on_bytes(void *arg, const char *bytes, size_t size)
{
    struct nodewatch *watch = arg;
    watch->byte_us = clock_monotonic_us();
    if (!nodeparse_feed(watch->parse, bytes, size) && watch->outcome.end == WATCH_ENDED) {
        watch->outcome.end = WATCH_BROKEN;
        snprintf(watch->why, sizeof(watch->why), "not JSON: %s", nodeparse_error(watch->parse));
    }
    return watch->outcome.end == WATCH_ENDED;
}

/* What became of the call, where the stream itself did not say. */
static void judge_answer(struct nodewatch *watch, const struct kube_answer *answer)
{
    struct watch_outcome *outcome = &watch->outcome;
    bool fine = answer->status >= 200 && answer->status < 300;
    if (fine && nodeparse_end(watch->parse))
        return;
    outcome->end = answer->status == 0 || fine ? WATCH_BROKEN : WATCH_REFUSED;
    outcome->status = answer->status;
    outcome->retry_after_us = answer->retry_after_us;
    if (fine)
        snprintf(watch->why, sizeof(watch->why), "cut off: %s", nodeparse_error(watch->parse));
    else
        kube_describe(watch->step.request == WATCH_PAGED_LIST ? "list" : "watch", "nodes", answer,
                      watch->why, sizeof(watch->why));
}

/* A stream that was closed in order has only reached the time it was asked for. */
static void log_lost(struct nodewatch *watch)
{
    if (watch->outcome.end == WATCH_ENDED) {
        log_debug("the watch of nodes ended after %llu s",
                  (unsigned long long)(watch->outcome.lived_us / US_PER_SECOND));
        return;
    }
    watch->values[LOST]++;
    if (strcmp(watch->why, watch->logged) == 0)
        return;
    snprintf(watch->logged, sizeof(watch->logged), "%s", watch->why);
    log_warning("lost the watch of nodes: %s", watch->why);
}

static void finish(struct nodewatch *watch)
{
    bool streamed = has_stream(watch);
    uint64_t now = clock_monotonic_us();
    watch->call = NULL;
    event_del(watch->tick);
    nodeparse_free(watch->parse);
    watch->parse = NULL;
    if (streamed)
        watch->down_us = now;
    watch->outcome.lived_us = now - watch->asked_us;
}

static void go_on(struct nodewatch *watch)
{
    bool streamed_lists = !watch->step.paged;
    struct watch_next next = watchstep_ended(&watch->step, &watch->outcome, random_32());
    if (streamed_lists && watch->step.paged)
        log_notice("no streaming list of nodes here, listing in pages: %s",
                   watch->why[0] ? watch->why : "it ended before the mark of its end");
    else
        log_lost(watch);
    if (next.list_anew)
        generations_abandon(&watch->maps);
    set_timer(watch->retry, next.delay_us);
}

static void on_done(void *arg, const struct kube_answer *answer)
{
    struct nodewatch *watch = arg;
    if (watch->outcome.end == WATCH_ENDED)
        judge_answer(watch, answer);
    bool page = watch->outcome.end == WATCH_ENDED && watch->step.request == WATCH_PAGED_LIST;
    bool whole = page && watchstep_page(&watch->step, nodeparse_list_version(watch->parse),
                                        nodeparse_list_continue(watch->parse));
    finish(watch);
    if (whole)
        serve_list(watch);
    if (page)
        ask(watch);
    else
        go_on(watch);
}

/* Nobody may be left to believe that the watch that was lost still is. */
static void log_found(struct nodewatch *watch, uint64_t now)
{
    if (watch->logged[0] == '\0' || !has_stream(watch) || now - watch->asked_us < WATCH_STEADY_US)
        return;
    watch->logged[0] = '\0';
    log_notice("watching %zu nodes again", nodemap_count(watch->maps.map));
}

/* A server that does not answer at all has not ignored the streaming list: that is a broken
 * request, not a silent one. */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct nodewatch *watch = arg;
    uint64_t now = clock_monotonic_us();
    uint64_t silent_us = now - (watch->byte_us != 0 ? watch->byte_us : watch->asked_us);
    if (silent_us < watchstep_silent_us(&watch->step)) {
        log_found(watch, now);
        set_timer(watch->tick, US_PER_SECOND);
        return;
    }
    kube_cancel(watch->call);
    watch->outcome.end = watch->byte_us != 0 ? WATCH_SILENT : WATCH_BROKEN;
    snprintf(watch->why, sizeof(watch->why), "the server was silent for %llu s",
             (unsigned long long)(silent_us / US_PER_SECOND));
    finish(watch);
    go_on(watch);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    ask(arg);
}

static void ask(struct nodewatch *watch)
{
    bool paged = watch->step.request == WATCH_PAGED_LIST;
    if (watch->step.request != WATCH_EVENTS && generations_begin(&watch->maps))
        watch->list_us = clock_monotonic_us();
    watch->parse =
        nodeparse_new(paged ? NODEPARSE_LIST : NODEPARSE_STREAM, watch->annotation, on_node, watch);
    watch->outcome = (struct watch_outcome){ .end = WATCH_ENDED };
    watch->why[0] = '\0';
    watch->asked_us = clock_monotonic_us();
    watch->byte_us = 0;

    char path[WATCH_PATH_SIZE];
    watchstep_path(&watch->step, TIMEOUT_S + random_32() % TIMEOUT_S, path);
    watch->call = kube_submit(
        watch->client,
        &(struct kube_request){
            .verb = "GET", .path = path, .bytes = on_bytes, .done = on_done, .arg = watch });
    if (watch->step.request == WATCH_EVENTS)
        kube_rest(watch->call, REST_US);
    set_timer(watch->tick, US_PER_SECOND);
}

struct nodewatch *nodewatch_new(struct event_base *base, struct kube_client *client,
                                const char *annotation, const struct generations_handler *handler,
                                void *arg)
{
    struct nodewatch *watch = xcalloc(1, sizeof(*watch));
    watch->client = client;
    watch->annotation = annotation;
    watch->counters = (struct counters){ counter_names, COUNTERS, watch->values };
    generations_init(&watch->maps, (uint64_t)random_32() << 32 | random_32(), handler, arg);
    watch->down_us = clock_monotonic_us();
    watch->retry = evtimer_new(base, on_retry, watch);
    watch->tick = evtimer_new(base, on_tick, watch);
    set_timer(watch->retry, 0);
    return watch;
}

void nodewatch_free(struct nodewatch *watch)
{
    if (watch == NULL)
        return;
    if (watch->call != NULL)
        kube_cancel(watch->call);
    event_free(watch->retry);
    event_free(watch->tick);
    nodeparse_free(watch->parse);
    generations_clear(&watch->maps);
    free(watch);
}

const struct nodemap *nodewatch_map(const struct nodewatch *watch)
{
    return watch->maps.map;
}

void nodewatch_read_on(struct nodewatch *watch)
{
    if (watch->call != NULL && watch->step.request == WATCH_EVENTS)
        kube_read_on(watch->call);
}

uint64_t nodewatch_age_us(const struct nodewatch *watch)
{
    return has_stream(watch) ? 0 : clock_monotonic_us() - watch->down_us;
}

void nodewatch_hear(struct nodewatch *watch, const struct address *address, uint32_t every_s)
{
    if (watch->maps.map != NULL)
        nodemap_hear(watch->maps.map, address, every_s,
                     (uint32_t)(clock_monotonic_us() / US_PER_SECOND));
}

const struct counters *nodewatch_counters(struct nodewatch *watch)
{
    watch->values[LISTS] = watch->maps.lists;
    watch->values[ODD] = watch->maps.odd;
    watch->values[UNUSABLE] = watch->maps.unusable;
    return &watch->counters;
}
