#pragma once

#include "common/channel.h"
#include "common/counters.h"
#include "common/metrics.h"
#include "common/steps.h"
#include "tests/unit/unit.h"

#include <event2/event.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/*
 * Whether what a stage counts and the table of metrics are the same: for the tests of each stage,
 * whose tables of counters no other program can link.
 */
#define TABLES_MAX 16

static const struct counters *tables[TABLES_MAX];
static size_t table_count;

static inline void add_table(const struct counters *table)
{
    tables[table_count++] = table;
}

static inline void add_names(const char *const *names, size_t count)
{
    static struct counters made[TABLES_MAX];
    made[table_count] = (struct counters){ names, count, NULL };
    add_table(&made[table_count]);
}

/* The counters of an edge are told by the object alone: it is there for as long as the program. */
static inline void add_client(struct event_base *base, enum role role, enum role peer)
{
    static const struct channel_client_handler handler;
    add_table(channel_client_counters(
        channel_client_new(base, "/nonexistent/socket", role, peer, &handler, NULL)));
}

static inline void add_server(struct event_base *base, enum role role, enum role peer)
{
    static const struct channel_server_handler handler;
    char path[] = "/tmp/lastgasp-counted-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(path));
    char name[64];
    snprintf(name, sizeof(name), "%s/s", path);
    add_table(
        channel_server_counters(channel_server_new(base, name, role, peer, false, &handler, NULL)));
    unlink(name);
    rmdir(path);
}

static inline bool is_counted(const char *counter)
{
    for (size_t i = 0; i < table_count; i++) {
        for (size_t at = 0; at < tables[i]->count; at++) {
            if (strcmp(tables[i]->names[at], counter) == 0)
                return true;
        }
    }
    return false;
}

static inline void assert_each_counter_is_a_metric_or_left_out(enum role of)
{
    for (size_t i = 0; i < table_count; i++) {
        for (size_t at = 0; at < tables[i]->count; at++) {
            const char *counter = tables[i]->names[at];
            ck_assert_msg(counter != NULL, "a counter of the %s has no name", role_names[of]);
            ck_assert_msg((metric_find(of, counter) != NULL) != metric_is_left_out(of, counter),
                          "counter %s of the %s must be in one of the two tables of metrics.c",
                          counter, role_names[of]);
        }
    }
}

static inline void assert_each_metric_is_counted(enum role of)
{
    for (const struct metric *row = metrics; row->name != NULL; row++)
        ck_assert_msg(row->of != of || row->type == METRIC_HISTOGRAM || is_counted(row->counter),
                      "%s: the %s counts no %s", row->name, role_names[of], row->counter);
    for (const struct metric_left_out *row = metrics_left_out; row->counter != NULL; row++)
        ck_assert_msg(row->of != of || is_counted(row->counter), "left out: the %s counts no %s",
                      role_names[of], row->counter);
}
