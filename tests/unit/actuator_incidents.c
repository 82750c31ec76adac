#include "actuator/incidents.h"

#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];
static char error[INCIDENTS_ERROR_SIZE];

static void setup(void)
{
    snprintf(dir, sizeof(dir), "/tmp/lastgasp-unit-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void teardown(void)
{
    static const char *const names[] = { "incidents.db", "incidents.db-wal", "incidents.db-shm",
                                         "incidents.db.new", "lock" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        unlink(path);
    }
    rmdir(dir);
}

static struct incidents *open_again(void)
{
    struct incidents *incidents = incidents_open(dir, error);
    ck_assert_msg(incidents != NULL, "%s", error);
    return incidents;
}

static const char *const first_panic[] = { "11111111111111111111111111111111" };
static const char *const second_panic[] = { "22222222222222222222222222222222" };

static struct intent intent_of(enum cause cause, enum verdict verdict, const char *const *panic)
{
    return (struct intent){
        .id = "0123456789abcdef0123456789abcdef", .node = "node-1", .uid = "uid", .boot = "boot",
        .cause = cause, .reason_code = REASON_SYSRQ, .reason = "sysrq triggered crash",
        .verdict = verdict, .words = "words", .received_us = 5, .expires_us = 10,
        .last_answer_us = RECORD_ABSENT, .rtt_us = RECORD_ABSENT,
        .panics = { 1, panic },
    };
}

static enum incident_taken take(struct incidents *incidents, const struct intent *intent)
{
    struct incident *opened;
    enum incident_taken taken = incidents_take(incidents, intent, 7, &opened);

    ck_assert((opened != NULL) == (taken == INCIDENT_NEW || taken == INCIDENT_REOPENED));
    incident_free(opened);
    ck_assert(incidents_commit(incidents));
    return taken;
}

static void count_open(void *arg, struct incident *incident)
{
    ck_assert_str_eq(incident->node, "node-1");
    ck_assert_uint_eq(incident->reason_code, REASON_SYSRQ);
    (*(int *)arg)++;
    incident_free(incident);
}

static int opened_after_restart(void)
{
    struct incidents *incidents = open_again();
    int count = 0;

    ck_assert(incidents_each_open(incidents, count_open, &count));
    incidents_close(incidents);
    return count;
}

START_TEST(an_incident_survives_a_kill_once_it_was_committed)
{
    struct intent intent = intent_of(CAUSE_KERNEL_PANIC, VERDICT_UNVERIFIED, first_panic);
    int status;

    pid_t child = fork();
    if (child == 0) {
        static struct incidents *incidents;
        incidents = open_again();
        take(incidents, &intent);
        _exit(0); /* no close: as a kill would leave it */
    }
    waitpid(child, &status, 0);
    ck_assert_int_eq(opened_after_restart(), 1);
}
END_TEST

START_TEST(what_was_not_committed_is_not_there)
{
    struct intent intent = intent_of(CAUSE_KERNEL_PANIC, VERDICT_UNVERIFIED, first_panic);
    int status;

    pid_t child = fork();
    if (child == 0) {
        static struct incidents *incidents;
        static struct incident *opened; /* what a kill leaves is no leak */
        incidents = open_again();
        incidents_take(incidents, &intent, 7, &opened);
        _exit(0);
    }
    waitpid(child, &status, 0);
    ck_assert_int_eq(opened_after_restart(), 0);
}
END_TEST

START_TEST(a_repeated_intent_is_merged)
{
    struct intent intent = intent_of(CAUSE_KERNEL_PANIC, VERDICT_UNVERIFIED, first_panic);
    struct incidents *incidents = open_again();

    ck_assert_int_eq(take(incidents, &intent), INCIDENT_NEW);
    ck_assert_int_eq(take(incidents, &intent), INCIDENT_MERGED);
    intent.panics.line = second_panic;
    ck_assert_int_eq(take(incidents, &intent), INCIDENT_MERGED);
    incidents_close(incidents);
}
END_TEST

/* What an intent about an open incident leaves in the database. */
static const struct {
    enum cause cause;
    enum verdict verdict;
    enum cause then;
    enum verdict verdict_then;
    bool more;
} merges[] = {
    { CAUSE_KERNEL_PANIC, VERDICT_UNPROBABLE, CAUSE_KERNEL_PANIC, VERDICT_SILENT, true },
    { CAUSE_KERNEL_PANIC, VERDICT_UNVERIFIED, CAUSE_KERNEL_PANIC, VERDICT_UNPROBABLE, true },
    { CAUSE_HALT, VERDICT_SILENT, CAUSE_KERNEL_PANIC, VERDICT_UNPROBABLE, true },
    { CAUSE_KERNEL_PANIC, VERDICT_SILENT, CAUSE_KERNEL_PANIC, VERDICT_UNPROBABLE, false },
    { CAUSE_KERNEL_PANIC, VERDICT_SILENT, CAUSE_KERNEL_PANIC, VERDICT_REBOOTED, false },
    { CAUSE_KERNEL_PANIC, VERDICT_UNPROBABLE, CAUSE_HALT, VERDICT_SILENT, false },
    { CAUSE_HALT, VERDICT_UNPROBABLE, CAUSE_HALT, VERDICT_SILENT, true },
    { CAUSE_HALT, VERDICT_SILENT, CAUSE_HALT, VERDICT_SILENT, false },
};

static void keep_one(void *arg, struct incident *incident)
{
    *(struct incident **)arg = incident;
}

START_TEST(better_evidence_of_an_open_incident_is_kept)
{
    struct incidents *incidents = open_again();
    struct intent intent = intent_of(merges[_i].cause, merges[_i].verdict, first_panic);
    struct incident *incident = NULL;

    take(incidents, &intent);
    intent = intent_of(merges[_i].then, merges[_i].verdict_then, second_panic);
    intent.words = "later words";
    intent.last_answer_us = 4;
    intent.expires_us += 5;
    ck_assert_int_eq(take(incidents, &intent), INCIDENT_MERGED);
    incidents_close(incidents);

    incidents = open_again();
    ck_assert(incidents_each_open(incidents, keep_one, &incident));
    ck_assert_uint_eq(incident->expires_us, intent.expires_us);
    ck_assert_uint_eq(incident->verdict,
                      merges[_i].more ? merges[_i].verdict_then : merges[_i].verdict);
    ck_assert_uint_eq(incident->cause, merges[_i].more ? merges[_i].then : merges[_i].cause);
    ck_assert_str_eq(incident->words, merges[_i].more ? "later words" : "words");
    ck_assert_uint_eq(incident->last_answer_us, 4);
    incident_free(incident);
    incidents_close(incidents);
}
END_TEST

/* How the incident (of an unverified panic, if nothing is said) was closed, what comes then, and
 * whether it is opened again. */
static const struct {
    enum outcome outcome;
    enum cause cause;
    enum verdict verdict;
    bool new_panic;
    enum incident_taken taken;
    enum cause cause_before;
    enum verdict before;
} rows[] = {
    { OUTCOME_OBSERVED, CAUSE_KERNEL_PANIC, VERDICT_UNVERIFIED, true, INCIDENT_REOPENED },
    { OUTCOME_OBSERVED, CAUSE_KERNEL_PANIC, VERDICT_UNVERIFIED, false, INCIDENT_MERGED },
    { OUTCOME_TOLD, CAUSE_KERNEL_PANIC, VERDICT_SILENT, true, INCIDENT_REOPENED },
    { OUTCOME_RETRACTED, CAUSE_KERNEL_PANIC, VERDICT_SILENT, true, INCIDENT_REOPENED },
    { OUTCOME_EXPIRED, CAUSE_KERNEL_PANIC, VERDICT_UNPROBABLE, true, INCIDENT_REOPENED },
    { OUTCOME_MISMATCH, CAUSE_KERNEL_PANIC, VERDICT_UNVERIFIED, true, INCIDENT_REOPENED },
    { OUTCOME_MISMATCH, CAUSE_KERNEL_PANIC, VERDICT_MISMATCH, true, INCIDENT_MERGED },
    { OUTCOME_EXPIRED, CAUSE_KERNEL_PANIC, VERDICT_EXPIRED, true, INCIDENT_MERGED },
    { OUTCOME_OBSERVED, CAUSE_HALT, VERDICT_UNVERIFIED, true, INCIDENT_MERGED },
    { OUTCOME_DELETED, CAUSE_KERNEL_PANIC, VERDICT_SILENT, true, INCIDENT_MERGED },
    { OUTCOME_PARTIAL, CAUSE_KERNEL_PANIC, VERDICT_SILENT, true, INCIDENT_REOPENED },
    { OUTCOME_ELSEWHERE, CAUSE_KERNEL_PANIC, VERDICT_SILENT, true, INCIDENT_REOPENED },
    { OUTCOME_OPTED_OUT, CAUSE_KERNEL_PANIC, VERDICT_SILENT, true, INCIDENT_REOPENED },
    { OUTCOME_PODS_DONE, CAUSE_KERNEL_PANIC, VERDICT_SILENT, true, INCIDENT_MERGED },
    /* The same panic, judged again: */
    { OUTCOME_RETRACTED, CAUSE_KERNEL_PANIC, VERDICT_UNVERIFIED, false, INCIDENT_REOPENED },
    /* That machine was alive, and is halted now: */
    { OUTCOME_RETRACTED, CAUSE_HALT, VERDICT_SILENT, true, INCIDENT_REOPENED },
    { OUTCOME_RETRACTED, CAUSE_HALT, VERDICT_EXPIRED, true, INCIDENT_MERGED },
    /* A halt takes nothing from a panic: */
    { OUTCOME_TOLD, CAUSE_HALT, VERDICT_SILENT, true, INCIDENT_MERGED },
    { OUTCOME_EXPIRED, CAUSE_HALT, VERDICT_SILENT, true, INCIDENT_MERGED },
    { OUTCOME_PARTIAL, CAUSE_HALT, VERDICT_SILENT, true, INCIDENT_MERGED },
    { OUTCOME_REFUSED, CAUSE_HALT, VERDICT_SILENT, true, INCIDENT_MERGED },
    { OUTCOME_MISMATCH, CAUSE_HALT, VERDICT_SILENT, true, INCIDENT_REOPENED, CAUSE_KERNEL_PANIC,
      VERDICT_MISMATCH },
    /* After a halt: */
    { OUTCOME_TOLD, CAUSE_HALT, VERDICT_SILENT, true, INCIDENT_MERGED, CAUSE_HALT,
      VERDICT_SILENT },
    { OUTCOME_TOLD, CAUSE_HALT, VERDICT_SILENT, true, INCIDENT_REOPENED, CAUSE_HALT,
      VERDICT_UNPROBABLE },
    { OUTCOME_TOLD, CAUSE_KERNEL_PANIC, VERDICT_UNPROBABLE, true, INCIDENT_REOPENED, CAUSE_HALT,
      VERDICT_SILENT },
    { OUTCOME_OBSERVED, CAUSE_KERNEL_PANIC, VERDICT_SILENT, true, INCIDENT_REOPENED, CAUSE_HALT,
      VERDICT_SILENT },
    { OUTCOME_TOLD, CAUSE_KERNEL_PANIC, VERDICT_MISMATCH, true, INCIDENT_MERGED, CAUSE_HALT,
      VERDICT_SILENT },
    { OUTCOME_OBSERVED, CAUSE_KERNEL_PANIC, VERDICT_SILENT, false, INCIDENT_REOPENED },
    { OUTCOME_OBSERVED, CAUSE_KERNEL_PANIC, VERDICT_EXPIRED, false, INCIDENT_MERGED },
    { OUTCOME_DELETED, CAUSE_KERNEL_PANIC, VERDICT_SILENT, false, INCIDENT_MERGED },
    { OUTCOME_DRY_RUN, CAUSE_KERNEL_PANIC, VERDICT_SILENT, true, INCIDENT_MERGED },
    { OUTCOME_REBOOTED, CAUSE_KERNEL_PANIC, VERDICT_SILENT, true, INCIDENT_MERGED },
    /* What is only reported: */
    { OUTCOME_RETRACTED, CAUSE_HARDWARE, VERDICT_REPORTED, true, INCIDENT_REOPENED },
    { OUTCOME_TOLD, CAUSE_HARDWARE, VERDICT_REPORTED, true, INCIDENT_MERGED },
    { OUTCOME_DELETED, CAUSE_HARDWARE, VERDICT_REPORTED, true, INCIDENT_MERGED },
};

START_TEST(only_what_says_more_opens_again)
{
    struct incidents *incidents = open_again();
    struct intent intent = intent_of(rows[_i].cause_before, rows[_i].before, first_panic);

    take(incidents, &intent);
    ck_assert(incidents_finish(incidents, intent.id,
                               &(struct incident_end){ .outcome = rows[_i].outcome,
                                                       .detail = "detail" },
                               8));
    ck_assert(incidents_commit(incidents));
    intent = intent_of(rows[_i].cause, rows[_i].verdict,
                       rows[_i].new_panic ? second_panic : first_panic);
    ck_assert_int_eq(take(incidents, &intent), rows[_i].taken);
    incidents_close(incidents);
    ck_assert_int_eq(opened_after_restart(), rows[_i].taken == INCIDENT_REOPENED);
}
END_TEST

START_TEST(two_actuators_do_not_share_a_state_directory)
{
    struct incidents *incidents = open_again();

    ck_assert_ptr_null(incidents_open(dir, error));
    ck_assert_ptr_nonnull(strstr(error, "another actuator"));
    incidents_close(incidents);
}
END_TEST

START_TEST(somebody_who_looks_at_the_history_after_a_kill_is_waited_for)
{
    char path[128], byte;
    int locked[2], status;

    incidents_close(open_again());
    snprintf(path, sizeof(path), "%s/incidents.db", dir);
    ck_assert_int_eq(pipe(locked), 0);
    pid_t child = fork();
    if (child == 0) {
        sqlite3 *database;
        ck_assert_int_eq(sqlite3_open(path, &database), SQLITE_OK);
        ck_assert_int_eq(sqlite3_exec(database, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE",
                                      NULL, NULL, NULL), SQLITE_OK);
        ck_assert_int_eq(write(locked[1], "x", 1), 1);
        usleep(200000);
        _exit(0);
    }
    ck_assert_int_eq(read(locked[0], &byte, 1), 1);
    incidents_close(open_again());
    waitpid(child, &status, 0);
    close(locked[0]);
    close(locked[1]);
}
END_TEST

/* The bytes of DIR/incidents.db. */
static size_t read_database(unsigned char *bytes, size_t cap)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/incidents.db", dir);
    int fd = open(path, O_RDONLY);
    ssize_t size = read(fd, bytes, cap);
    close(fd);
    return (size_t)size;
}

static void write_database(const void *bytes, size_t size)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/incidents.db", dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
    close(fd);
}

static void make_foreign(void)
{
    write_database("this is no database at all, but long enough to be mistaken for one.......", 70);
}

static void run_sql(const char *sql)
{
    char path[128];
    sqlite3 *database;

    snprintf(path, sizeof(path), "%s/incidents.db", dir);
    ck_assert_int_eq(sqlite3_open(path, &database), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
}

static void make_other(void)
{
    run_sql("CREATE TABLE mine (a)");
}

static void make_newer(void)
{
    incidents_close(open_again());
    run_sql("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA user_version = 99");
}

static void make_corrupt(void)
{
    static unsigned char bytes[256 * 1024];

    incidents_close(open_again());
    run_sql("PRAGMA wal_checkpoint(TRUNCATE)");
    size_t size = read_database(bytes, sizeof(bytes));
    memset(bytes + 4096, 0x5a, size - 4096);
    write_database(bytes, size);
}

static const struct {
    void (*make)(void);
    const char *says;
} bad[] = {
    { make_foreign, "not a database" },
    { make_other, "not a database of lastgasp's incidents" },
    { make_newer, "schema version 99" },
    { make_corrupt, "corrupt" },
};

START_TEST(a_database_that_is_not_ours_is_named_and_left_as_it_was)
{
    static unsigned char before[256 * 1024], after[256 * 1024];

    bad[_i].make();
    size_t size = read_database(before, sizeof(before));
    ck_assert_ptr_null(incidents_open(dir, error));
    ck_assert_msg(strstr(error, bad[_i].says) != NULL, "error: %s", error);
    ck_assert_ptr_nonnull(strstr(error, "incidents.db"));
    ck_assert_uint_eq(read_database(after, sizeof(after)), size);
    ck_assert_mem_eq(before, after, size);
}
END_TEST

START_TEST(a_kill_while_the_tables_are_made_leaves_no_half_database)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/incidents.db.new", dir);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    ck_assert_int_eq(write(fd, "half", 4), 4);
    close(fd);
    incidents_close(open_again());
}
END_TEST

START_TEST(history_for_people_is_written_by_the_next_flush)
{
    struct incidents *incidents = open_again();
    const char *const lines[] = { "first", "second" };
    struct trace trace = { .id = first_panic[0], .lines = { 2, lines }, .last = true };
    struct incident_pod pod = { "default", "web-1", "pod-uid", NULL, NULL, "deleted" };
    struct intent intent = intent_of(CAUSE_KERNEL_PANIC, VERDICT_UNVERIFIED, first_panic);

    take(incidents, &intent);
    incidents_step(incidents, intent.id, 9, "a step");
    incidents_pod(incidents, intent.id, 9, &pod);
    incidents_trace(incidents, &trace);
    incidents_flush(incidents);
    run_sql("CREATE TEMP TABLE t (ok CHECK (ok = 1));"
            "INSERT INTO t SELECT count(*) = 1 FROM steps WHERE words = 'a step' AND at_us = 9;"
            "INSERT INTO t SELECT count(*) = 1 FROM pods WHERE owner_kind IS NULL;"
            "INSERT INTO t SELECT count(*) = 1 FROM trace WHERE lines = 'first' || char(10) ||"
            " 'second' || char(10);");
    incidents_close(incidents);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *incidents = tcase_create("incidents");
    tcase_add_checked_fixture(incidents, setup, teardown);
    tcase_add_test(incidents, an_incident_survives_a_kill_once_it_was_committed);
    tcase_add_test(incidents, what_was_not_committed_is_not_there);
    tcase_add_test(incidents, a_repeated_intent_is_merged);
    tcase_add_loop_test(incidents, only_what_says_more_opens_again, 0,
                        sizeof(rows) / sizeof(rows[0]));
    tcase_add_loop_test(incidents, better_evidence_of_an_open_incident_is_kept, 0,
                        sizeof(merges) / sizeof(merges[0]));
    tcase_add_test(incidents, two_actuators_do_not_share_a_state_directory);
    tcase_add_test(incidents, somebody_who_looks_at_the_history_after_a_kill_is_waited_for);
    tcase_add_loop_test(incidents, a_database_that_is_not_ours_is_named_and_left_as_it_was, 0,
                        sizeof(bad) / sizeof(bad[0]));
    tcase_add_test(incidents, a_kill_while_the_tables_are_made_leaves_no_half_database);
    tcase_add_test(incidents, history_for_people_is_written_by_the_next_flush);
    suite_add_tcase(suite, incidents);
}

int main(void)
{
    return unit_run("incidents", fill);
}
