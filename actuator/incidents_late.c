#include "actuator/incidents_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"

/*
 * What the history knows of a Node beyond one incident: which of its boots died, and how often it
 * did lately.
 */

/* A Node that was deleted comes back under another uid, so its boot is looked for by the Node's
 * name; not for long, for anybody on the node may name any boot. */
#define LATE_US (24 * 60 * US_PER_MINUTE)

/* A machine that panics over and over. */
#define LOOP_US (10 * US_PER_MINUTE)

/* The id of the incident of that boot, the caller's; NULL: there is none. */
static char *find_boot(struct incidents *incidents, const struct intent *intent, uint64_t wall_us)
{
    sqlite3_stmt *row = incidents->statements[SQL_FIND_BOOT];
    char *id = NULL;

    incidents_bind_text(row, 1, intent->node);
    incidents_bind_text(row, 2, intent->boot);
    sqlite3_bind_int64(row, 3, (sqlite3_int64)incidents_before(wall_us, LATE_US));
    if (sqlite3_step(row) == SQLITE_ROW)
        id = xstrdup((const char *)sqlite3_column_text(row, 0));
    sqlite3_reset(row);
    sqlite3_clear_bindings(row);
    return id;
}

static bool add_step(struct incidents *incidents, const char *id, const char *reason,
                     uint64_t wall_us)
{
    sqlite3_stmt *step = incidents->statements[SQL_ADD_STEP];
    char *words = xasprintf("after its next boot the node says why it died: %s", reason);

    incidents_bind_text(step, 1, id);
    sqlite3_bind_int64(step, 2, (sqlite3_int64)wall_us);
    incidents_bind_text(step, 3, words);
    bool added = incidents_run(incidents, SQL_ADD_STEP, "store late words");
    free(words);
    return added;
}

bool incidents_join_late(struct incidents *incidents, const struct intent *intent, bool known,
                         uint64_t wall_us, bool *joined)
{
    char *id = known ? xstrdup(intent->id) : find_boot(incidents, intent, wall_us);
    bool new_panic = false, taken = true;

    *joined = id != NULL;
    if (*joined)
        taken = incidents_add_panics(incidents, intent, id, &new_panic);
    if (taken && new_panic)
        taken = add_step(incidents, id, intent->reason, wall_us);
    free(id);
    return taken;
}

void incidents_count_panics(struct incidents *incidents, struct incident *incident)
{
    sqlite3_stmt *row = incidents->statements[SQL_COUNT_PANICS];

    if (incident->cause != CAUSE_KERNEL_PANIC || incident->verdict == VERDICT_LATE)
        return;
    incidents_bind_text(row, 1, incident->node);
    sqlite3_bind_int64(row, 2, (sqlite3_int64)incidents_before(incident->opened_us, LOOP_US));
    sqlite3_bind_int64(row, 3, (sqlite3_int64)incident->opened_us);
    if (sqlite3_step(row) == SQLITE_ROW)
        incident->panics = (unsigned)sqlite3_column_int(row, 0);
    else
        log_error_of(incident->id, "%s: cannot count the panics of its Node: %s", incidents->path,
                     sqlite3_errmsg(incidents->database));
    sqlite3_reset(row);
    sqlite3_clear_bindings(row);
}
