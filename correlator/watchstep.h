#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "correlator/nodeparse.h"

/*
 * What to ask the API server for next: the pure half of the Node watch.  nodewatch.c sends what
 * watchstep_path() says and reports how it went.
 */
enum watch_request {
    WATCH_STREAMING_LIST, /* KEP-3157: the list comes as events, and the stream goes on as a watch
                           */
    WATCH_PAGED_LIST,
    WATCH_EVENTS, /* the list is whole, changes follow */
};

enum watch_end {
    WATCH_ENDED,   /* the whole answer came: a page, or a stream that the server closed in order */
    WATCH_REFUSED, /* another HTTP status than 2xx, or an ERROR event: STATUS */
    WATCH_BROKEN,  /* no answer, cut off, or not JSON */
    WATCH_SILENT,  /* nothing came for too long */
    WATCH_IGNORED, /* a streaming list was taken for a plain watch: a bookmark without the mark */
};

#define WATCH_BEGIN_US       (8 * US_PER_SECOND)   /* the HTTP layer has an answer, or gave up */
#define WATCH_LIST_SILENT_US (8 * US_PER_SECOND)   /* a list has no reason to pause */
#define WATCH_SILENT_US      (150 * US_PER_SECOND) /* bookmarks come about once a minute */
#define WATCH_STEADY_US      (30 * US_PER_SECOND) /* what lived this long starts the backoff anew */
#define WATCH_BACKOFF_US     (800 * US_PER_MS)
#define WATCH_BACKOFF_MAX_US (30 * US_PER_SECOND)
#define WATCH_PATH_SIZE      (3 * NODEPARSE_CONTINUE_SIZE + 128)

struct watchstep {
    enum watch_request request; /* under way, or next */
    bool paged; /* streaming lists are refused or ignored here; as client-go, we do not ask again */
    bool relisted;       /* listed again because of a 410, and no stream was steady since */
    uint64_t backoff_us; /* 0: nothing went wrong lately */
    char version[NODEPARSE_VERSION_SIZE];
    char page[NODEPARSE_CONTINUE_SIZE];
};

/* A zeroed struct starts with a streaming list. */

/* "/api/v1/nodes?..." of the request; TIMEOUT_S is what a watch asks the server for. */
void watchstep_path(const struct watchstep *step, unsigned timeout_s, char path[WATCH_PATH_SIZE]);

/* An event or bookmark of VERSION came.  INITIAL_END is a bookmark's.  True when the list is whole
 * with it. */
bool watchstep_event(struct watchstep *step, const char *version, bool initial_end);

/* A page ended; NEXT is where the next one starts.  True when the list is whole with it: watch
 * next.  (An end that is no failure, so no backoff: ask for the next request at once.) */
bool watchstep_page(struct watchstep *step, const char *version, const char *next);

struct watch_outcome {
    enum watch_end end;
    unsigned status;
    uint64_t lived_us;       /* from the request to its end */
    uint64_t retry_after_us; /* 0: not said */
};

struct watch_next {
    uint64_t delay_us; /* until the next request */
    bool list_anew;    /* what was gathered of an unfinished list is void */
};

/* The request ended in any other way.  RANDOM is for the jitter. */
struct watch_next watchstep_ended(struct watchstep *step, const struct watch_outcome *outcome,
                                  uint32_t random);

/* How long the request may go without a byte. */
uint64_t watchstep_silent_us(const struct watchstep *step);
