#include "tests/unit/actuator_database.h"

#include "common/memory.h"

#include <stdlib.h>

/* The tables as version 1 made them: a file that such an actuator left behind. */
static const char version_1[] =
    "PRAGMA application_id = 1818325876;"
    "CREATE TABLE incidents ("
    "  id TEXT NOT NULL PRIMARY KEY, node TEXT NOT NULL, uid TEXT NOT NULL, boot TEXT NOT NULL,"
    "  cause TEXT NOT NULL, reason_code TEXT NOT NULL, reason TEXT NOT NULL,"
    "  verdict TEXT NOT NULL, words TEXT NOT NULL,"
    "  received_us INTEGER NOT NULL, expires_us INTEGER NOT NULL, opened_us INTEGER NOT NULL,"
    "  state TEXT NOT NULL, outcome TEXT, detail TEXT, closed_us INTEGER) STRICT;"
    "CREATE INDEX incidents_by_time ON incidents (opened_us);"
    "CREATE INDEX incidents_by_state ON incidents (state) WHERE state <> 'closed';"
    "CREATE TABLE panics ("
    "  id TEXT NOT NULL PRIMARY KEY, incident TEXT NOT NULL) STRICT;"
    "CREATE INDEX panics_by_incident ON panics (incident);"
    "CREATE TABLE steps ("
    "  incident TEXT NOT NULL, at_us INTEGER NOT NULL, words TEXT NOT NULL) STRICT;"
    "CREATE INDEX steps_by_incident ON steps (incident);"
    "CREATE TABLE pods ("
    "  incident TEXT NOT NULL, uid TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,"
    "  owner_kind TEXT, owner_name TEXT, done TEXT NOT NULL, at_us INTEGER NOT NULL,"
    "  PRIMARY KEY (incident, uid)) STRICT;"
    "CREATE TABLE trace ("
    "  panic TEXT NOT NULL, part INTEGER NOT NULL, lines TEXT NOT NULL,"
    "  PRIMARY KEY (panic, part)) STRICT;"
    "PRAGMA user_version = 1;";

static const char content[] =
    "INSERT INTO incidents VALUES ('0123456789abcdef0123456789abcdef', 'node-1', 'uid', 'boot',"
    " 'kernel-panic', 'sysrq', 'sysrq triggered crash', 'unverified', 'words', 5, 10, 7, 'open',"
    " NULL, NULL, NULL);"
    "INSERT INTO trace VALUES ('11111111111111111111111111111111', 0, 'a line');";

static char copy_path[128];

static void setup(void)
{
    make_directory();
    snprintf(copy_path, sizeof(copy_path), "%s.v1", database_path);
}

static void make_version_1(void)
{
    run_sql(database_path, version_1);
    run_sql(database_path, content);
}

static void count_open(void *arg, struct incident *incident)
{
    ck_assert_str_eq(incident->node, "node-1");
    ck_assert_uint_eq(incident->last_answer_us, RECORD_ABSENT);
    ++*(int *)arg;
    incident_free(incident);
}

static int open_and_count(void)
{
    struct incidents *incidents = open_incidents();
    int count = 0;

    ck_assert(incidents_each_open(incidents, count_open, &count));
    incidents_close(incidents);
    return count;
}

START_TEST(what_version_1_knew_is_known_afterwards)
{
    make_version_1();
    ck_assert_int_eq(open_and_count(), 1);
    ck_assert_str_eq(ask_sql(database_path, "PRAGMA user_version"), "2");
    ck_assert_str_eq(ask_sql(database_path, "SELECT lines FROM trace WHERE at_us = 0"), "a line");
}
END_TEST

START_TEST(the_file_as_it_was_is_kept_beside_it)
{
    make_version_1();
    open_and_count();
    ck_assert_str_eq(ask_sql(copy_path, "PRAGMA user_version"), "1");
    ck_assert_str_eq(ask_sql(copy_path, "SELECT node FROM incidents"), "node-1");
    ck_assert_str_eq(ask_sql(copy_path, "PRAGMA integrity_check"), "ok");
}
END_TEST

/* What version 1 had in its log and not yet in its file is there as well. */
START_TEST(a_log_that_was_left_behind_goes_along)
{
    run_sql(database_path, version_1);
    run_sql(database_path, "PRAGMA journal_mode = WAL");
    sqlite3 *open_by_a_killed_actuator;
    ck_assert_int_eq(sqlite3_open(database_path, &open_by_a_killed_actuator), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(open_by_a_killed_actuator, content, NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(open_and_count(), 1);
    ck_assert_str_eq(ask_sql(copy_path, "SELECT node FROM incidents"), "node-1");
    sqlite3_close(open_by_a_killed_actuator);
}
END_TEST

static const char columns[] =
    "SELECT group_concat(line, char(10)) FROM (SELECT tables.name || ' ' || columns.name || ' ' ||"
    " columns.type || ' ' || columns.\"notnull\" AS line FROM sqlite_schema AS tables,"
    " pragma_table_info(tables.name) AS columns ORDER BY line)";
static const char indexes[] =
    "SELECT group_concat(line, char(10)) FROM (SELECT coalesce(sql, name) AS line"
    " FROM sqlite_schema WHERE type = 'index' ORDER BY line)";

START_TEST(a_migrated_file_has_what_a_new_one_has)
{
    make_version_1();
    open_and_count();
    char *migrated_columns = xstrdup(ask_sql(database_path, columns));
    char *migrated_indexes = xstrdup(ask_sql(database_path, indexes));
    remove_directory();
    setup();
    incidents_close(open_incidents());
    ck_assert_str_eq(migrated_columns, ask_sql(database_path, columns));
    ck_assert_str_eq(migrated_indexes, ask_sql(database_path, indexes));
    free(migrated_columns);
    free(migrated_indexes);
}
END_TEST

/* The way back and forth again, as incidents_migrate.c says it. */
START_TEST(one_step_back_and_forth_again_loses_nothing)
{
    make_version_1();
    open_and_count();
    run_sql(database_path, "UPDATE incidents SET kept = 'labels'; PRAGMA user_version = 1");
    run_sql(database_path, /* a statement of version 1 */
            "INSERT INTO trace (panic, part, lines) VALUES"
            " ('22222222222222222222222222222222', 0, 'by the former program')");
    ck_assert_int_eq(open_and_count(), 1);
    ck_assert_str_eq(ask_sql(database_path, "SELECT kept FROM incidents"), "labels");
    ck_assert_str_eq(ask_sql(database_path, "SELECT count(*) FROM trace"), "2");
}
END_TEST

/* Here: a directory stands where the copy would. */
START_TEST(without_a_copy_nothing_is_changed)
{
    char error[INCIDENTS_ERROR_SIZE], blocked[160], *command;

    make_version_1();
    snprintf(blocked, sizeof(blocked), "%s.new", copy_path);
    command = xasprintf("mkdir -p %s/x", blocked);
    ck_assert_int_eq(system(command), 0);
    ck_assert_ptr_null(incidents_open(dir, error));
    ck_assert_msg(strstr(error, blocked) != NULL, "%s", error);
    ck_assert_str_eq(ask_sql(database_path, "PRAGMA user_version"), "1");
    ck_assert_str_eq(ask_sql(database_path, "SELECT count(*) FROM pragma_table_info('incidents')"
                                            " WHERE name = 'kept'"),
                     "0");
    free(command);
    command = xasprintf("rm -r %s", blocked);
    ck_assert_int_eq(system(command), 0);
    free(command);
}
END_TEST

START_TEST(who_we_are_is_the_same_after_a_restart_and_in_no_other_directory)
{
    struct incidents *incidents = open_incidents();
    char *first = xstrdup(incidents_identity(incidents));
    incidents_close(incidents);
    incidents = open_incidents();
    ck_assert_str_eq(incidents_identity(incidents), first);
    incidents_close(incidents);

    remove_directory();
    setup();
    incidents = open_incidents();
    ck_assert_str_ne(incidents_identity(incidents), first);
    incidents_close(incidents);
    free(first);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("migration");
    tcase_add_checked_fixture(tests, setup, remove_directory);
    tcase_add_test(tests, what_version_1_knew_is_known_afterwards);
    tcase_add_test(tests, the_file_as_it_was_is_kept_beside_it);
    tcase_add_test(tests, a_log_that_was_left_behind_goes_along);
    tcase_add_test(tests, a_migrated_file_has_what_a_new_one_has);
    tcase_add_test(tests, one_step_back_and_forth_again_loses_nothing);
    tcase_add_test(tests, without_a_copy_nothing_is_changed);
    tcase_add_test(tests, who_we_are_is_the_same_after_a_restart_and_in_no_other_directory);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("migration", fill);
}
