#include "listener/intake.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/text.h"
#include "listener/counts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 *   datagram -> netconsole (kernel records) -> classify (what the text says)
 *            -> proof (what that proves, after what the source said before)
 *            -> panics (slot, delivery)    and in any case    -> sources (one more line)
 *
 * A fragment takes the same way as far as it goes: the one at offset 0 has the text's beginning,
 * which is all that classifying needs, and is not waited with.  Its line is added once the record
 * is whole (reassemble).
 *
 * Nothing here allocates for a datagram that proves nothing.
 */
struct intake {
    struct pending *pending;
    struct nodes *nodes;
    struct source_table *sources;
    struct reassemble *reassemble;
    struct panics *panics;
    uint64_t *counts;
    struct log_sample forged;
    struct netconsole reader, whole;
    uint64_t now_us;
    uint64_t traced_us; /* when a line last went into a trace */
};

/* "[    5.742632] ", as the console would have shown it (print_time). */
static struct span time_text(uint64_t kernel_us, char text[32])
{
    int size = snprintf(text, 32, "[%5llu.%06llu] ", (unsigned long long)(kernel_us / 1000000),
                        (unsigned long long)(kernel_us % 1000000));
    return (struct span){ text, (size_t)size };
}

static void add_line(struct intake *intake, struct source *source, uint64_t kernel_us,
                     struct span text)
{
    char time[32];
    sources_add_line(intake->sources, source, time_text(kernel_us, time), text);
}

/* A record that came in fragments, whole or as whole as it gets. */
static void on_whole(void *arg, uint16_t owner, uint64_t kernel_us, struct span body)
{
    struct intake *intake = arg;
    struct kernel_record record;
    netconsole_whole(&intake->whole, body, &record);
    add_line(intake, sources_at(intake->sources, owner), kernel_us, record.text);
}

static void on_displaced(void *arg, struct source *source)
{
    struct intake *intake = arg;
    reassemble_forget(intake->reassemble, sources_index(intake->sources, source));
    if (source->trace.phase != TRACE_NONE)
        intake->counts[COUNT_TRACES_LOST]++;
    intake->counts[COUNT_SOURCES_DISPLACED]++;
}

struct intake *intake_new(struct pending *pending, struct nodes *nodes, uint64_t *counts)
{
    struct intake *intake = xcalloc(1, sizeof(*intake));
    intake->pending = pending;
    intake->nodes = nodes;
    intake->counts = counts;
    intake->sources = sources_new(SOURCES_ENTRIES, SOURCES_CHUNKS, on_displaced, intake);
    intake->reassemble = reassemble_new(SOURCES_ENTRIES, on_whole, intake);
    intake->panics = panics_new(pending, intake->sources, counts);
    return intake;
}

void intake_free(struct intake *intake)
{
    panics_free(intake->panics);
    reassemble_free(intake->reassemble);
    sources_free(intake->sources);
    free(intake);
}

struct panics *intake_panics(struct intake *intake)
{
    return intake->panics;
}

static void count_datagram(struct intake *intake, const struct datagram *datagram,
                           enum datagram_kind kind)
{
    static const enum count_of of[DATAGRAM_KINDS] = {
        [DATAGRAM_BASIC] = COUNT_BASIC,        [DATAGRAM_EXTENDED] = COUNT_EXTENDED,
        [DATAGRAM_FRAGMENT] = COUNT_FRAGMENTS, [DATAGRAM_MALFORMED] = COUNT_MALFORMED,
        [DATAGRAM_EMPTY] = COUNT_EMPTY,
    };
    intake->counts[COUNT_DATAGRAMS]++;
    intake->counts[COUNT_BYTES] += datagram->bytes.size;
    intake->counts[datagram->oversized ? COUNT_OVERSIZED : of[kind]]++;
}

static void say_forged(struct intake *intake, const struct source *source,
                       const struct kernel_record *record)
{
    uint64_t skipped;
    char address[ADDRESS_TEXT_SIZE], text[128];
    if (!log_sample_due(&intake->forged, intake->now_us, &skipped))
        return;
    text_printable(text, sizeof(text), record->text.bytes, record->text.size, 0);
    log_warning("forged: %s: facility %llu is not the kernel's: %s (%llu more since the last such "
                "line)",
                address_print(&source->address, address), (unsigned long long)record->facility,
                text, (unsigned long long)skipped);
}

static void count_line(struct intake *intake, const struct source *source,
                       const struct kernel_record *record, const struct line_class *class,
                       const struct proven *proven)
{
    intake->counts[COUNT_KERNEL_RECORDS]++;
    intake->counts[COUNT_OURS] += class->kind == LINE_OURS;
    intake->counts[COUNT_DUPLICATES] += proven->step == STEP_AGAIN;
    intake->counts[COUNT_STALE] += proven->step == STEP_STALE;
    if (class->kind == LINE_FORGED) {
        intake->counts[COUNT_FORGED]++;
        say_forged(intake, source, record);
    }
}

/* RECORD becomes one of its source's lines; a fragment's once it is whole. */
static void keep_line(struct intake *intake, struct source *source,
                      const struct kernel_record *record)
{
    if (record->format == FORMAT_BASIC)
        sources_add_line(intake->sources, source, record->line, (struct span){ "", 0 });
    else if (record->fragment_total == 0)
        add_line(intake, source, record->kernel_us, record->text);
}

static void handle_record(struct intake *intake, struct source *source,
                          const struct datagram *datagram, const struct kernel_record *record)
{
    bool under_way = source->trace.phase == TRACE_COLLECTING;
    struct line_class class = classify(record);
    struct proven proven = proof_next(&source->proof, record, &class, under_way, intake->now_us);
    count_line(intake, source, record, &class, &proven);
    if (proven.rebooted)
        panics_end_trace(intake->panics, source);
    if (proven.step == STEP_PANIC || proven.step == STEP_HALT)
        panics_report(intake->panics, source, datagram, record, &class, &proven, intake->now_us);
    keep_line(intake, source, record);
    bool ends = proven.step == STEP_BELONGS;
    if (source->trace.phase == TRACE_COLLECTING) {
        ends |= !trace_heard(&source->trace, source->stream.end, intake->now_us);
        intake->traced_us = intake->now_us;
    }
    if (ends)
        panics_end_trace(intake->panics, source);
}

bool intake_datagram(struct intake *intake, const struct datagram *datagram, uint64_t now_us)
{
    bool is_node = nodes_have(intake->nodes, &datagram->source);
    if (is_node && !panics_have_room(intake->panics))
        return false;
    intake->now_us = now_us;
    struct source *source = sources_hear(intake->sources, &datagram->source, is_node);
    enum datagram_kind kind =
        netconsole_open(&intake->reader, datagram->bytes.bytes, datagram->bytes.size);
    count_datagram(intake, datagram, kind);
    struct kernel_record record;
    while (source && netconsole_next(&intake->reader, &record)) {
        if (record.fragment_at == 0)
            handle_record(intake, source, datagram, &record);
        if (record.fragment_total > 0)
            reassemble_add(intake->reassemble, sources_index(intake->sources, source), is_node,
                           &record, now_us);
    }
    return true;
}

void intake_remember(struct intake *intake, uint64_t now_us)
{
    for (uint32_t i = 0; i < PENDING_SLOTS; i++) {
        const struct slot *slot = pending_slot(intake->pending, i);
        if (slot->state != SLOT_PENDING)
            continue;
        struct source *source =
            sources_hear(intake->sources, &slot->source, nodes_have(intake->nodes, &slot->source));
        struct kernel_record record;
        netconsole_open(&intake->reader, slot->datagram, slot->size);
        while (source && netconsole_next(&intake->reader, &record)) {
            struct line_class class = classify(&record);
            proof_next(&source->proof, &record, &class, false, now_us);
        }
    }
}

static void expire_trace(void *arg, struct source *source)
{
    struct intake *intake = arg;
    if (trace_is_over(&source->trace, intake->now_us))
        panics_end_trace(intake->panics, source);
}

void intake_expire(struct intake *intake, uint64_t now_us)
{
    intake->now_us = now_us;
    reassemble_expire(intake->reassemble, now_us);
    if (now_us - intake->traced_us <= 2 * TRACE_SILENCE_US)
        sources_each(intake->sources, expire_trace, intake);
}

static void end_trace(void *arg, struct source *source)
{
    struct intake *intake = arg;
    panics_end_trace(intake->panics, source);
}

void intake_end(struct intake *intake)
{
    sources_each(intake->sources, end_trace, intake);
}

static void classify_source(void *arg, struct source *source)
{
    struct intake *intake = arg;
    sources_set_node(intake->sources, source, nodes_have(intake->nodes, &source->address));
}

void intake_nodes_changed(struct intake *intake)
{
    sources_each(intake->sources, classify_source, intake);
    panics_promote(intake->panics, intake->nodes);
}
