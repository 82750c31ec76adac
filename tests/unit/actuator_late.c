#include "tests/unit/actuator_database.h"

#include "tests/unit/unit.h"

/* What the history knows of a Node beyond one incident: which of its boots died, and how often. */
static const char *const first_panic[] = { "11111111111111111111111111111111" };
static const char *const second_panic[] = { "22222222222222222222222222222222" };

static long number_of(const char *sql)
{
    return atol(ask_sql(database_path, sql));
}

static struct intent intent_of(enum verdict verdict, const char *const *panic)
{
    return (struct intent){
        .id = "0123456789abcdef0123456789abcdef",
        .node = "node-1",
        .uid = "uid",
        .boot = "boot",
        .cause = CAUSE_KERNEL_PANIC,
        .reason_code = REASON_SYSRQ,
        .reason = "sysrq triggered crash",
        .verdict = verdict,
        .words = "words",
        .received_us = 5,
        .expires_us = 10,
        .last_answer_us = RECORD_ABSENT,
        .rtt_us = RECORD_ABSENT,
        .panics = { 1, panic },
    };
}

static enum incident_taken take(struct incidents *incidents, const struct intent *intent)
{
    struct incident *opened;
    enum incident_taken taken = incidents_take(incidents, intent, 7, &opened);

    incident_free(opened);
    ck_assert(incidents_commit(incidents));
    return taken;
}

/* Under the same id, or (the Node was made anew) another; of that Node alone, and of that boot. */
static const struct {
    const char *id, *node, *boot;
    enum incident_taken taken;
    unsigned steps;
} lates[] = {
    { "0123456789abcdef0123456789abcdef", "node-1", "boot", INCIDENT_MERGED, 1 },
    { "33333333333333333333333333333333", "node-1", "boot", INCIDENT_MERGED, 1 },
    { "33333333333333333333333333333333", "node-2", "boot", INCIDENT_NEW, 0 },
    { "33333333333333333333333333333333", "node-1", "boot-2", INCIDENT_NEW, 0 },
};

START_TEST(late_words_join_the_incident_of_their_boot_once)
{
    struct intent intent = intent_of(VERDICT_SILENT, first_panic);
    struct incidents *incidents = open_incidents();

    ck_assert_int_eq(take(incidents, &intent), INCIDENT_NEW);
    intent = intent_of(VERDICT_LATE, second_panic);
    intent.id = lates[_i].id;
    intent.node = lates[_i].node;
    intent.boot = lates[_i].boot;
    intent.expires_us = 1000;
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(take(incidents, &intent),
                         i == 0 ? lates[_i].taken : (enum incident_taken)INCIDENT_MERGED);
    ck_assert_int_eq(number_of("SELECT count(*) FROM steps WHERE words LIKE"
                               " '%says why it died: sysrq triggered crash'"
                               " AND incident LIKE '0123%'"),
                     lates[_i].steps);
    ck_assert_int_eq(number_of("SELECT expires_us FROM incidents WHERE id LIKE '0123%'"), 10);
    incidents_close(incidents);
}
END_TEST

START_TEST(panics_of_a_node_within_ten_minutes_are_counted)
{
    static const struct {
        const char *id, *node;
        enum verdict verdict;
        uint64_t minute;
        unsigned panics;
    } rows[] = {
        { "10000000000000000000000000000000", "a", VERDICT_SILENT, 0, 1 },
        { "20000000000000000000000000000000", "a", VERDICT_REBOOTED, 3, 2 },
        { "30000000000000000000000000000000", "b", VERDICT_SILENT, 4, 1 },
        { "40000000000000000000000000000000", "a", VERDICT_LATE, 5, 0 },
        { "50000000000000000000000000000000", "a", VERDICT_SILENT, 10, 3 },
        { "60000000000000000000000000000000", "a", VERDICT_SILENT, 11, 3 },
        { "70000000000000000000000000000000", "a", VERDICT_SILENT, 99, 1 },
    };
    struct incidents *incidents = open_incidents();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct incident *opened;
        struct intent intent = intent_of(rows[i].verdict, &rows[i].id);
        intent.id = intent.boot = rows[i].id;
        intent.node = rows[i].node;
        ck_assert_int_eq(
            incidents_take(incidents, &intent, 60000000 * (100 + rows[i].minute), &opened),
            INCIDENT_NEW);
        ck_assert_msg(opened->panics == rows[i].panics, "%zu: %u panics", i, opened->panics);
        incident_free(opened);
    }
    incidents_close(incidents);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *late = tcase_create("late");
    tcase_add_checked_fixture(late, make_directory, remove_directory);
    tcase_add_loop_test(late, late_words_join_the_incident_of_their_boot_once, 0, 4);
    tcase_add_test(late, panics_of_a_node_within_ten_minutes_are_counted);
    suite_add_tcase(suite, late);
}

int main(void)
{
    return unit_run("late", fill);
}
