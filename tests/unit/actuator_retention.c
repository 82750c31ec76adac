#include "tests/unit/actuator_database.h"

#include "actuator/incidents_internal.h"
#include "common/clock.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define DAY_US  (24 * 60 * US_PER_MINUTE)
#define NOW_US  (1000 * DAY_US)
#define MANY_MB UINT64_C(1000000000)

static struct incidents *incidents;

static void setup(void)
{
    make_directory();
    incidents = open_incidents();
}

static void teardown(void)
{
    incidents_close(incidents);
    remove_directory();
}

static char id[33], panic_id[33];

static enum incident_taken take_of(unsigned number, enum cause cause, enum verdict verdict)
{
    const char *panics[] = { panic_id };
    struct incident *opened;

    snprintf(id, sizeof(id), "%032x", number);
    snprintf(panic_id, sizeof(panic_id), "%032x", 0x1000000 + number);
    struct intent intent = {
        .id = id,
        .node = "node-1",
        .uid = "uid",
        .boot = "boot",
        .cause = cause,
        .reason_code = REASON_SYSRQ,
        .reason = "sysrq triggered crash",
        .verdict = verdict,
        .words = "words",
        .silent_until_us = RECORD_ABSENT,
        .last_answer_us = RECORD_ABSENT,
        .rtt_us = RECORD_ABSENT,
        .received_us = 5,
        .expires_us = 10,
        .panics = { 1, panics },
    };
    enum incident_taken taken = incidents_take(incidents, &intent, number, &opened);
    incident_free(opened);
    return taken;
}

static enum incident_taken take(unsigned number)
{
    return take_of(number, CAUSE_KERNEL_PANIC, VERDICT_UNVERIFIED);
}

/* A closed incident with all that belongs to one. */
static void make_of(unsigned number, uint64_t closed_us, enum cause cause, enum verdict verdict)
{
    static char line[4096];
    const char *lines[] = { line };
    struct incident_pod pod = { "default", "web-1", "pod-uid", NULL, NULL, "deleted" };

    ck_assert_int_eq(take_of(number, cause, verdict), INCIDENT_NEW);
    memset(line, 'x', sizeof(line) - 1);
    const struct incident_end end = { .outcome = OUTCOME_DELETED, .detail = "detail" };
    if (closed_us > 0)
        ck_assert(incidents_finish(incidents, id, &end, closed_us));
    ck_assert(incidents_commit(incidents));
    incidents_step(incidents, id, 9, "a step");
    incidents_pod(incidents, id, 9, &pod);
    incidents_trace(incidents, &(struct trace){ .id = panic_id, .lines = { 1, lines } });
    incidents_flush(incidents);
}

static void make(unsigned number, uint64_t closed_us)
{
    make_of(number, closed_us, CAUSE_KERNEL_PANIC, VERDICT_UNVERIFIED);
}

static long count(const char *table)
{
    char sql[64];
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
    return atol(ask_sql(database_path, sql));
}

static const char *const tables[] = { "incidents", "panics", "steps", "pods", "trace" };

static void all_have(long expected)
{
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        ck_assert_msg(count(tables[i]) == expected, "%s has %ld rows", tables[i], count(tables[i]));
}

static const struct incidents_retention month = { 30 * DAY_US, MANY_MB };

START_TEST(what_is_older_than_its_time_is_forgotten_with_all_its_rows)
{
    make(1, NOW_US - 31 * DAY_US);
    make(2, NOW_US - 29 * DAY_US);
    make(3, 0); /* not closed */
    ck_assert(!incidents_retain(incidents, &month, NOW_US));
    all_have(2);
    ck_assert_str_eq(ask_sql(database_path, "SELECT group_concat(opened_us) FROM incidents"),
                     "2,3");
}
END_TEST

START_TEST(a_few_are_forgotten_a_call_until_all_are)
{
    unsigned calls = 1;

    for (unsigned i = 1; i <= 45; i++)
        make(i, 1);
    while (incidents_retain(incidents, &month, NOW_US))
        calls++;
    ck_assert_uint_eq(calls, 3);
    all_have(0);
}
END_TEST

START_TEST(over_its_size_the_oldest_go_first)
{
    const struct incidents_retention small = { 30 * DAY_US, 400 * 1024 };

    for (unsigned i = 1; i <= 200; i++)
        make(i, NOW_US);
    ck_assert_int_ge(atol(ask_sql(database_path, "PRAGMA page_count")) * 4096, 800 * 1024);
    while (incidents_retain(incidents, &small, NOW_US))
        ;
    long left = count("incidents");
    ck_assert_int_ge(left, 20);
    ck_assert_int_le(left, 100);
    all_have(left);
    ck_assert_int_eq(atol(ask_sql(database_path, "SELECT min(opened_us) FROM incidents")),
                     201 - left);
}
END_TEST

/* Anybody on a node can make drills; no real panic is forgotten for these. */
START_TEST(over_its_size_what_was_only_told_goes_before_all_that_died)
{
    const struct incidents_retention small = { 30 * DAY_US, 400 * 1024 };

    for (unsigned i = 1; i <= 20; i++)
        make(i, NOW_US);
    for (unsigned i = 21; i <= 200; i++)
        make_of(i, NOW_US, CAUSE_DRILL, VERDICT_DRILL);
    while (incidents_retain(incidents, &small, NOW_US))
        ;
    ck_assert_int_lt(count("incidents"), 150);
    ck_assert_str_eq(ask_sql(database_path, "SELECT count(*) FROM incidents"
                                            " WHERE verdict = 'unverified'"),
                     "20");
}
END_TEST

START_TEST(open_incidents_are_kept_whatever_their_size)
{
    const struct incidents_retention none = { 30 * DAY_US, 1 };

    make(1, 0);
    make(2, 0);
    ck_assert(!incidents_retain(incidents, &none, NOW_US));
    all_have(2);
}
END_TEST

START_TEST(a_trace_that_nobody_claims_goes_after_a_day)
{
    const char *lines[] = { "line" };
    uint64_t now_us = clock_wall_us();

    incidents_trace(incidents, &(struct trace){ .id = "nobody's", .lines = { 1, lines } });
    incidents_flush(incidents);
    make(1, now_us);
    incidents_retain(incidents, &month, now_us + DAY_US / 2);
    ck_assert_int_eq(count("trace"), 2);
    incidents_retain(incidents, &month, now_us + DAY_US + US_PER_MINUTE);
    ck_assert_int_eq(count("trace"), 1);
}
END_TEST

/* As when it is full: no file may grow. */
static void set_full(bool full)
{
    struct rlimit limit = { full ? 0 : RLIM_INFINITY, RLIM_INFINITY };
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

START_TEST(what_a_full_disk_did_not_take_is_taken_whole_when_there_is_room)
{
    make(1, 0);
    set_full(true);
    enum incident_taken taken = take(2);
    bool committed = incidents_commit(incidents);
    ck_assert(taken == INCIDENT_FAILED || !committed);
    set_full(false);
    all_have(1);
    ck_assert_int_eq(take(2), INCIDENT_NEW); /* its panic, too, is still new */
    ck_assert(incidents_commit(incidents));
    ck_assert_int_eq(count("incidents"), 2);
    ck_assert_int_eq(count("panics"), 2);
}
END_TEST

START_TEST(history_waits_for_room_on_the_disk)
{
    make(1, 0);
    set_full(true);
    incidents_step(incidents, id, 10, "another step");
    incidents_flush(incidents);
    set_full(false);
    ck_assert_int_eq(count("steps"), 1);
    incidents_flush(incidents);
    ck_assert_int_eq(count("steps"), 2);
}
END_TEST

/* Of the actuator's own connection. */
static int synchronous(void)
{
    sqlite3_stmt *statement;
    ck_assert_int_eq(
        sqlite3_prepare_v2(incidents->database, "PRAGMA synchronous", -1, &statement, NULL),
        SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
    int level = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return level;
}

START_TEST(to_forget_on_a_full_disk_fails_and_spoils_nothing)
{
    make(1, 1);
    make(2, 0);
    set_full(true);
    ck_assert(!incidents_retain(incidents, &month, NOW_US));
    set_full(false);
    ck_assert_int_eq(synchronous(), 2); /* FULL: what is acknowledged is on the disk */
    ck_assert_int_eq(count("incidents"), 2);
    ck_assert_int_eq(take(3), INCIDENT_NEW);
    ck_assert(incidents_commit(incidents));
    while (incidents_retain(incidents, &month, NOW_US))
        ;
    ck_assert_int_eq(count("incidents"), 2);
    ck_assert_int_eq(synchronous(), 2);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("retention");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, what_is_older_than_its_time_is_forgotten_with_all_its_rows);
    tcase_add_test(tests, a_few_are_forgotten_a_call_until_all_are);
    tcase_add_test(tests, over_its_size_the_oldest_go_first);
    tcase_add_test(tests, over_its_size_what_was_only_told_goes_before_all_that_died);
    tcase_add_test(tests, open_incidents_are_kept_whatever_their_size);
    tcase_add_test(tests, a_trace_that_nobody_claims_goes_after_a_day);
    tcase_add_test(tests, what_a_full_disk_did_not_take_is_taken_whole_when_there_is_room);
    tcase_add_test(tests, history_waits_for_room_on_the_disk);
    tcase_add_test(tests, to_forget_on_a_full_disk_fails_and_spoils_nothing);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("retention", fill);
}
