#pragma once

#include "actuator/incidents.h"
#include "common/log.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A state directory of its own for each test, and SQL on the database in it. */
static char dir[64], database_path[96];

static void make_directory(void)
{
    log_open("test", LOG_ALERT);
    strcpy(dir, "/tmp/lastgasp-unit-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(database_path, sizeof(database_path), "%s/incidents.db", dir);
}

static void remove_directory(void)
{
    DIR *entries = opendir(dir);
    const struct dirent *entry;

    while ((entry = readdir(entries)) != NULL)
        unlinkat(dirfd(entries), entry->d_name, 0);
    closedir(entries);
    rmdir(dir);
}

static struct incidents *open_incidents(void)
{
    char error[INCIDENTS_ERROR_SIZE];
    struct incidents *incidents = incidents_open(dir, error);
    ck_assert_msg(incidents != NULL, "%s", error);
    return incidents;
}

static inline void run_sql(const char *path, const char *sql)
{
    sqlite3 *database;
    ck_assert_int_eq(sqlite3_open(path, &database), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(database, sql, NULL, NULL, NULL) == SQLITE_OK, "%s",
                  sqlite3_errmsg(database));
    sqlite3_close(database);
}

/* The first column of the first row. */
static inline const char *ask_sql(const char *path, const char *sql)
{
    static char text[8192];
    sqlite3 *database;
    sqlite3_stmt *statement;

    ck_assert_int_eq(sqlite3_open(path, &database), SQLITE_OK);
    ck_assert_msg(sqlite3_prepare_v2(database, sql, -1, &statement, NULL) == SQLITE_OK, "%s",
                  sqlite3_errmsg(database));
    ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
    const unsigned char *column = sqlite3_column_text(statement, 0);
    snprintf(text, sizeof(text), "%s", column != NULL ? (const char *)column : "");
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return text;
}
