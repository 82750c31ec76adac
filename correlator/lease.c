#include "correlator/lease.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IN_FLIGHT_MAX 8
#define ANSWER_MAX    65536
#define PATH_START    "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/"
#define PATH_SIZE     (sizeof(PATH_START) + 768) /* a name of 253 characters, escaped */

enum counter { READINGS, FAILED, COUNTERS };
static const char *const counter_names[COUNTERS] = { "leases_read", "leases_not_read" };

struct lease_reader {
    struct kube_client *client;
    TAILQ_HEAD(, lease) waiting;
    size_t in_flight;
    struct log_sample failure_sample;
    uint64_t values[COUNTERS];
    struct counters counters;
};

struct lease_reader *lease_reader_new(struct kube_client *client)
{
    struct lease_reader *reader = xcalloc(1, sizeof(*reader));
    reader->client = client;
    TAILQ_INIT(&reader->waiting);
    reader->counters = (struct counters){ counter_names, COUNTERS, reader->values };
    return reader;
}

void lease_reader_free(struct lease_reader *reader)
{
    free(reader);
}

const struct counters *lease_reader_counters(const struct lease_reader *reader)
{
    return &reader->counters;
}

static const struct json_pick_row rows[] = { { "spec.renewTime" }, { NULL } };

static void on_row(void *arg, unsigned row, enum json_event event, const char *key,
                   const char *text, size_t size)
{
    (void)row, (void)key;
    char *time = arg;
    if (event == JSON_STRING && size < LEASE_TIME_SIZE)
        memcpy(time, text, size + 1);
}

static void note_failure(struct lease_reader *reader, const struct kube_answer *answer)
{
    char words[KUBE_ERROR_SIZE] = "the node Lease has no renewTime";
    uint64_t skipped;
    reader->values[FAILED]++;
    if (!log_sample_due(&reader->failure_sample, clock_monotonic_us(), &skipped))
        return;
    if (answer->status != 200)
        kube_describe("get", "leases", answer, words, sizeof(words));
    log_warning("%s (and %llu like it)", words, (unsigned long long)skipped);
}

static void take_time(struct lease *lease, const char time[LEASE_TIME_SIZE])
{
    if (lease->time[0] != '\0' && strcmp(lease->time, time) != 0)
        lease->renewed_us = lease->time_us;
    memcpy(lease->time, time, LEASE_TIME_SIZE);
    lease->time_us = lease->begun_us;
}

static void start_next(struct lease_reader *reader);

static void on_done(void *arg, const struct kube_answer *answer)
{
    struct lease *lease = arg;
    struct lease_reader *reader = lease->reader;
    char time[LEASE_TIME_SIZE] = "";
    if (answer->status == 200)
        json_pick_document(rows, on_row, time, answer->body, answer->size);
    if (time[0] == '\0')
        note_failure(reader, answer);
    else
        take_time(lease, time);
    lease->reader = NULL;
    lease->call = NULL;
    reader->in_flight--;
    start_next(reader);
}

static void start_next(struct lease_reader *reader)
{
    struct lease *lease;
    while (reader->in_flight < IN_FLIGHT_MAX && (lease = TAILQ_FIRST(&reader->waiting)) != NULL) {
        char path[PATH_SIZE] = PATH_START;
        kube_escape(lease->node, path + strlen(PATH_START), PATH_SIZE - strlen(PATH_START));
        TAILQ_REMOVE(&reader->waiting, lease, link);
        lease->begun_us = clock_monotonic_us();
        reader->in_flight++;
        reader->values[READINGS]++;
        lease->call = kube_submit(reader->client, &(struct kube_request){ .verb = "GET",
                                                                          .path = path,
                                                                          .answer_max = ANSWER_MAX,
                                                                          .done = on_done,
                                                                          .arg = lease });
    }
}

void lease_read(struct lease_reader *reader, struct lease *lease, const char *node)
{
    if (lease->reader != NULL)
        return;
    lease->reader = reader;
    lease->node = node;
    TAILQ_INSERT_TAIL(&reader->waiting, lease, link);
    start_next(reader);
}

void lease_forget(struct lease *lease)
{
    struct lease_reader *reader = lease->reader;
    if (lease->call != NULL) {
        kube_cancel(lease->call);
        reader->in_flight--;
    } else if (reader != NULL) {
        TAILQ_REMOVE(&reader->waiting, lease, link);
    }
    *lease = (struct lease){ 0 };
    if (reader != NULL)
        start_next(reader);
}
