#include "correlator/watchstep.h"

#include "common/kube/http.h"

#include <stdio.h>

/*
 * The rules are those of a client-go reflector (tools/cache/reflector.go), as far as they concern
 * one kind of object:
 *
 *   a list that is refused as invalid or ignored   page it instead, from now on
 *   410 Gone, or a version nobody knows            list again at once; with backoff if that was
 *                                                  already tried and no stream was steady since
 *   429 Too Many Requests                          the same request after Retry-After
 *   the stream's own time is over                  watch on from the last version, at once
 *   silence                                        the connection is half open: likewise
 *   anything else                                  the same request after the backoff, a list from
 *                                                  its beginning
 *
 * The backoff doubles from 0.8 s to 30 s and starts anew once a request lived for 30 s, so that a
 * server that ends every stream at once is not asked in a busy loop.
 */
#define PAGE_SIZE       500 /* client-go's */
#define RETRY_AFTER_MAX US_PER_MINUTE

#define HTTP_BAD_REQUEST   400
#define HTTP_NOT_FOUND     404
#define HTTP_GONE          410
#define HTTP_UNPROCESSABLE 422
#define HTTP_TOO_MANY      429

void watchstep_path(const struct watchstep *step, unsigned timeout_s, char path[WATCH_PATH_SIZE])
{
    char escaped[3 * NODEPARSE_CONTINUE_SIZE];
    switch (step->request) {
    case WATCH_STREAMING_LIST:
        snprintf(path, WATCH_PATH_SIZE,
                 "/api/v1/nodes?watch=1&sendInitialEvents=true&allowWatchBookmarks=true"
                 "&resourceVersionMatch=NotOlderThan&resourceVersion=&timeoutSeconds=%u",
                 timeout_s);
        break;
    case WATCH_PAGED_LIST:
        snprintf(path, WATCH_PATH_SIZE, "/api/v1/nodes?limit=%d%s%s", PAGE_SIZE,
                 step->page[0] ? "&continue=" : "",
                 kube_escape(step->page, escaped, sizeof(escaped)));
        break;
    case WATCH_EVENTS:
        snprintf(path, WATCH_PATH_SIZE,
                 "/api/v1/nodes?watch=1&allowWatchBookmarks=true&resourceVersion=%s"
                 "&timeoutSeconds=%u",
                 kube_escape(step->version, escaped, sizeof(escaped)), timeout_s);
        break;
    }
}

/* The events of a list carry each object's own version, which says nothing about the stream. */
bool watchstep_event(struct watchstep *step, const char *version, bool initial_end)
{
    bool whole = step->request == WATCH_STREAMING_LIST && initial_end;
    if (whole)
        step->request = WATCH_EVENTS;
    if (step->request == WATCH_EVENTS && version[0] != '\0')
        snprintf(step->version, sizeof(step->version), "%s", version);
    return whole;
}

bool watchstep_page(struct watchstep *step, const char *version, const char *next)
{
    snprintf(step->version, sizeof(step->version), "%s", version);
    snprintf(step->page, sizeof(step->page), "%s", next);
    if (next[0] != '\0')
        return false;
    step->request = WATCH_EVENTS;
    return true;
}

static void list_anew(struct watchstep *step)
{
    step->request = step->paged ? WATCH_PAGED_LIST : WATCH_STREAMING_LIST;
    step->page[0] = '\0';
}

static uint64_t back_off(struct watchstep *step, uint32_t random)
{
    uint64_t doubled = step->backoff_us * 2;
    if (doubled == 0)
        doubled = WATCH_BACKOFF_US;
    step->backoff_us = doubled < WATCH_BACKOFF_MAX_US ? doubled : WATCH_BACKOFF_MAX_US;
    /* three quarters to five quarters of it */
    return step->backoff_us * 3 / 4 + (uint64_t)random * (step->backoff_us / 2) / UINT32_MAX;
}

static bool refuses_streaming(const struct watchstep *step, const struct watch_outcome *outcome)
{
    if (step->request != WATCH_STREAMING_LIST)
        return false;
    if (outcome->end == WATCH_REFUSED)
        return outcome->status == HTTP_BAD_REQUEST || outcome->status == HTTP_UNPROCESSABLE;
    return outcome->end != WATCH_BROKEN;
}

/* What a watch continues from is no longer there, or means nothing to this server. */
static bool lost_its_place(const struct watch_outcome *outcome)
{
    return outcome->end == WATCH_REFUSED &&
           (outcome->status == HTTP_BAD_REQUEST || outcome->status == HTTP_NOT_FOUND ||
            outcome->status == HTTP_GONE || outcome->status == HTTP_UNPROCESSABLE);
}

static uint64_t retry_after(struct watchstep *step, const struct watch_outcome *outcome,
                            uint32_t random)
{
    uint64_t delay = back_off(step, random);
    if (outcome->retry_after_us == 0)
        return delay;
    return outcome->retry_after_us < RETRY_AFTER_MAX ? outcome->retry_after_us : RETRY_AFTER_MAX;
}

struct watch_next watchstep_ended(struct watchstep *step, const struct watch_outcome *outcome,
                                  uint32_t random)
{
    bool was_list = step->request != WATCH_EVENTS;
    bool steady = outcome->lived_us >= WATCH_STEADY_US;
    if (steady) {
        step->backoff_us = 0;
        step->relisted = step->relisted && was_list;
    }
    if (refuses_streaming(step, outcome)) {
        step->paged = true;
        list_anew(step);
        bool at_once = outcome->end == WATCH_REFUSED || outcome->end == WATCH_IGNORED;
        return (struct watch_next){ at_once ? 0 : back_off(step, random), true };
    }
    if (outcome->end == WATCH_REFUSED && outcome->status == HTTP_TOO_MANY)
        return (struct watch_next){ retry_after(step, outcome, random),
                                    step->request == WATCH_STREAMING_LIST };
    if (lost_its_place(outcome)) {
        list_anew(step);
        bool at_once = !step->relisted;
        step->relisted = true;
        return (struct watch_next){ at_once ? 0 : back_off(step, random), true };
    }
    if (was_list) {
        list_anew(step);
        return (struct watch_next){ back_off(step, random), true };
    }
    if (steady && (outcome->end == WATCH_ENDED || outcome->end == WATCH_SILENT))
        return (struct watch_next){ 0, false };
    return (struct watch_next){ back_off(step, random), false };
}

uint64_t watchstep_silent_us(const struct watchstep *step)
{
    return step->request == WATCH_EVENTS ? WATCH_SILENT_US : WATCH_LIST_SILENT_US;
}
