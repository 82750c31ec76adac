#include "actuator/limits_census.h"

#include <stdlib.h>
#include <string.h>

#include "actuator/limits_tally.h"
#include "common/clock.h"
#include "common/kube/http.h"
#include "common/log.h"
#include "common/memory.h"

#define KEPT_US  US_PER_MINUTE
#define AGAIN_US (50 * US_PER_SECOND) /* so that what is kept is not missed for a moment */
#define RETRY_US US_PER_SECOND

#define NODES         "/api/v1/nodes"
#define METADATA_ONLY "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

/* One of the two questions. */
struct question {
    struct limits_census *census;
    struct kube_call *call; /* under way */
    uint64_t known_us;      /* when it was asked with success; 0: never */
    uint64_t asked_us;
    bool failing;
};

struct limits_census {
    struct kube_client *client;
    void (*changed)(void *arg);
    void *arg;
    struct question count, zones;
    struct limits_sizes sizes;
    struct limits_tally *tally, *next; /* what SIZES points into; what is being counted */
};

struct limits_census *limits_census_new(struct kube_client *client, void (*changed)(void *arg),
                                        void *arg)
{
    struct limits_census *census = xcalloc(1, sizeof(*census));

    census->client = client;
    census->changed = changed;
    census->arg = arg;
    census->count.census = census->zones.census = census;
    return census;
}

void limits_census_free(struct limits_census *census)
{
    if (!census)
        return;
    if (census->count.call)
        kube_cancel(census->count.call);
    if (census->zones.call)
        kube_cancel(census->zones.call);
    limits_tally_free(census->tally);
    limits_tally_free(census->next);
    free(census);
}

static bool is_fresh(const struct question *question, uint64_t within_us)
{
    return question->known_us > 0 && clock_monotonic_us() < question->known_us + within_us;
}

const struct limits_sizes *limits_census_sizes(struct limits_census *census)
{
    if (!is_fresh(&census->count, KEPT_US))
        census->sizes.nodes = 0;
    if (!is_fresh(&census->zones, KEPT_US))
        census->sizes.zones_known = false;
    return &census->sizes;
}

/* Said when it begins, for it is asked again each second. */
static void fail(struct question *question, const struct kube_answer *answer)
{
    char message[KUBE_ERROR_SIZE];

    kube_describe("list", "nodes", answer, message, sizeof(message));
    if (!question->failing)
        log_warning("the Nodes cannot be counted, and until they are no node is touched: %s",
                    answer->status == 200 ? "list nodes: the answer cannot be read" : message);
    question->failing = true;
}

static void succeed(struct question *question)
{
    struct limits_census *census = question->census;

    question->known_us = question->asked_us;
    question->failing = false;
    census->changed(census->arg);
}

static void on_count(void *arg, const struct kube_answer *answer)
{
    struct question *question = arg;

    question->call = NULL;
    if (answer->status == 200 &&
        limits_tally_count(answer->body, answer->size, &question->census->sizes.nodes))
        succeed(question);
    else
        fail(question, answer);
}

static bool is_due(const struct question *question)
{
    return !question->call && clock_monotonic_us() >= question->asked_us + RETRY_US;
}

void limits_census_keep(struct limits_census *census)
{
    struct question *question = &census->count;

    bool is_empty = census->sizes.nodes == 0; /* which it does not stay */
    if ((is_fresh(question, AGAIN_US) && !is_empty) || !is_due(question))
        return;
    question->asked_us = clock_monotonic_us();
    question->call = kube_submit(census->client, &(struct kube_request){ .verb = "GET",
                                                                         .path = NODES "?limit=1",
                                                                         .done = on_count,
                                                                         .arg = question });
}

static bool on_bytes(void *arg, const char *bytes, size_t size)
{
    const struct question *question = arg;
    return limits_tally_feed(question->census->next, bytes, size);
}

static void on_page(void *arg, const struct kube_answer *answer);

static void ask_page(struct question *question, const char *token)
{
    struct limits_census *census = question->census;
    char *escaped = xcalloc(3 * strlen(token) + 2, 1);
    kube_escape(token, escaped, 3 * strlen(token) + 2);
    char *path =
        xasprintf(NODES "?limit=500%s%s", *token ? "&continue=" : "", *token ? escaped : "");

    limits_tally_begin_page(census->next);
    question->call = kube_submit(census->client, &(struct kube_request){ .verb = "GET",
                                                                         .path = path,
                                                                         .accept = METADATA_ONLY,
                                                                         .bytes = on_bytes,
                                                                         .done = on_page,
                                                                         .arg = question });
    free(path);
    free(escaped);
}

static void on_page(void *arg, const struct kube_answer *answer)
{
    struct question *question = arg;
    struct limits_census *census = question->census;

    question->call = NULL;
    if (answer->status != 200 || !limits_tally_end_page(census->next)) {
        fail(question, answer);
        return;
    }
    const char *token = limits_tally_continue(census->next);
    if (token) {
        char *copy = xstrdup(token);
        ask_page(question, copy);
        free(copy);
        return;
    }
    limits_tally_free(census->tally);
    census->tally = census->next;
    census->next = NULL;
    census->sizes.zones = limits_tally_zones(census->tally, &census->sizes.zone_count);
    census->sizes.zones_known = true;
    succeed(question);
}

void limits_census_need_zones(struct limits_census *census)
{
    struct question *question = &census->zones;

    if (is_fresh(question, KEPT_US) || !is_due(question))
        return;
    question->asked_us = clock_monotonic_us();
    limits_tally_free(census->next);
    census->next = limits_tally_new();
    ask_page(question, "");
}
