#include "listener/intake.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/text.h"
#include "listener/counts.h"
#include "listener/silent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 *   datagram -> netconsole (kernel records) -> classify (what the text says)
 *            -> tokens (where one is required)
 *            -> proof (what that proves, after what the source said before)
 *            -> panics (slot, delivery)    and in any case    -> sources (one more line)
 *
 * A fragment takes the same way as far as it goes: the one at offset 0 has the text's beginning,
 * which is all that classifying needs, and is not waited with.  Its line is added once the record
 * is whole (reassemble).
 *
 * Where a token is required it is different: it is in the dictionary, behind the text.  A fragment
 * whose text would prove something waits until its record is whole, or for WAIT_US, and is then
 * handled as the one datagram that it would have been (whole).  What has no token proves nothing:
 * it never gets to proof's memory, so a forged copy of a panic cannot make the real one look old.
 * It remains a line like any other; those can at most make more lines prove something, and end a
 * trace early.
 *
 * Nothing here allocates for a datagram that proves nothing.
 */
#define FRAGMENTS_US (5 * UINT64_C(1000000))
#define WAIT_US      (UINT64_C(1000000) - INTAKE_SOON_US)

struct intake {
    struct pending *pending;
    struct nodes *nodes;
    struct token_file *tokens; /* NULL: none is required */
    struct source_table *sources;
    struct reassemble *reassemble;
    struct panics *panics;
    struct hints *hints;
    struct silent *silent; /* NULL: silence after an oops proves nothing */
    uint64_t *counts;
    struct log_sample forged, unauthenticated;
    struct netconsole reader, whole, printed;
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

static reassemble_done on_whole;

static void on_displaced(void *arg, struct source *source)
{
    struct intake *intake = arg;
    reassemble_forget(intake->reassemble, sources_index(intake->sources, source));
    if (intake->silent)
        silent_forget(intake->silent, sources_index(intake->sources, source));
    if (source->trace.phase != TRACE_NONE)
        intake->counts[COUNT_TRACES_LOST]++;
    intake->counts[COUNT_SOURCES_DISPLACED]++;
}

struct intake *intake_new(struct pending *pending, struct nodes *nodes, struct token_file *tokens,
                          uint64_t *counts)
{
    struct intake *intake = xcalloc(1, sizeof(*intake));
    intake->pending = pending;
    intake->nodes = nodes;
    intake->tokens = tokens;
    intake->counts = counts;
    intake->sources = sources_new(SOURCES_ENTRIES, SOURCES_CHUNKS, on_displaced, intake);
    intake->reassemble = reassemble_new(tokens ? WAIT_US : FRAGMENTS_US, on_whole, intake);
    intake->panics = panics_new(pending, intake->sources, counts);
    intake->hints = hints_new(intake->sources, counts);
    return intake;
}

void intake_free(struct intake *intake)
{
    hints_free(intake->hints);
    silent_free(intake->silent);
    panics_free(intake->panics);
    reassemble_free(intake->reassemble);
    sources_free(intake->sources);
    free(intake);
}

void intake_watch_oopses(struct intake *intake)
{
    intake->silent = silent_new(intake->sources, intake->panics);
}

struct panics *intake_panics(struct intake *intake)
{
    return intake->panics;
}

struct hints *intake_hints(struct intake *intake)
{
    return intake->hints;
}

bool intake_waits(const struct intake *intake)
{
    return reassemble_awaited(intake->reassemble) > 0;
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
    intake->counts[COUNT_OURS] += line_is_ours(class->kind);
    intake->counts[COUNT_DUPLICATES] += proven->step == STEP_AGAIN;
    intake->counts[COUNT_STALE] += proven->step == STEP_STALE;
    if (class->kind == LINE_FORGED) {
        intake->counts[COUNT_FORGED]++;
        say_forged(intake, source, record);
    }
}

static void say_unauthenticated(struct intake *intake, const struct source *source,
                                const struct kernel_record *record)
{
    uint64_t skipped;
    char address[ADDRESS_TEXT_SIZE], text[128];
    intake->counts[COUNT_UNAUTHENTICATED]++;
    if (!log_sample_due(&intake->unauthenticated, intake->now_us, &skipped))
        return;
    text_printable(text, sizeof(text), record->text.bytes, record->text.size, 0);
    log_warning("unauthenticated: %s: no token that is good for it: %s (%llu more since the last "
                "such line)",
                address_print(&source->address, address), text, (unsigned long long)skipped);
}

/* RECORD becomes one of its source's lines; a fragment's once it is whole. */
static void keep_line(struct intake *intake, struct source *source,
                      const struct kernel_record *record)
{
    if (record->format != FORMAT_BASIC && record->fragment_total == 0)
        add_line(intake, source, record->kernel_us, record->text);
    else if (record->format == FORMAT_BASIC && !span_starts(record->line, " token="))
        sources_add_line(intake->sources, source, record->line, (struct span){ "", 0 });
}

static bool is_authentic(struct intake *intake, const struct kernel_record *record)
{
    return !intake->tokens ||
           token_file_accepts(intake->tokens, record->dictionary, intake->now_us);
}

/* Whether the source speaks after its panic, as far as it is the source. */
static void listen_to_voice(struct intake *intake, struct source *source, bool boots,
                            const struct kernel_record *record, uint64_t received_us)
{
    boots = boots && is_authentic(intake, record);
    if (!voice_heard(&source->voice, boots, intake->now_us) || !is_authentic(intake, record))
        return;
    voice_told(&source->voice, intake->now_us);
    hints_speaks(intake->hints, source, boots ? SPEAKS_BOOT_BANNER : SPEAKS_FRESH_TEXT,
                 received_us);
}

/* What the node's own sending side says. */
static void hear_ours(struct intake *intake, struct source *source, const struct datagram *datagram,
                      const struct kernel_record *record, enum line_kind kind)
{
    struct ours ours;
    if (kind == LINE_DRILL || kind == LINE_LATE)
        panics_report_ours(intake->panics, source, datagram, record, kind, intake->now_us);
    else if (kind == LINE_HEARTBEAT && source->is_node && ours_read(kind, record->text, &ours) &&
             ours_take(&source->heartbeats, kind, intake->now_us))
        hints_heartbeat(intake->hints, source, ours.every_s, datagram->received_us);
}

/* What an authentic line, or one that can prove nothing, says of its source. */
static void handle_line(struct intake *intake, struct source *source,
                        const struct datagram *datagram, const struct kernel_record *record,
                        const struct line_class *class)
{
    bool under_way = source->trace.phase == TRACE_COLLECTING && !source->trace.of_old_boot;
    struct proven proven = proof_next(&source->proof, record, class, under_way, intake->now_us);
    count_line(intake, source, record, class, &proven);
    if (intake->silent)
        silent_line(intake->silent, source, datagram, record, class, &proven,
                    class->kind == LINE_PRECURSOR && is_authentic(intake, record), intake->now_us);
    if (proven.rebooted)
        panics_end_trace(intake->panics, source);
    if (proven.step == STEP_PANIC || proven.step == STEP_HALT)
        panics_report(intake->panics, source, datagram, record, class, &proven, intake->now_us);
    else
        listen_to_voice(intake, source, proven.rebooted, record, datagram->received_us);
    if (line_is_ours(class->kind))
        hear_ours(intake, source, datagram, record, class->kind);
    keep_line(intake, source, record);
    bool ends = proven.step == STEP_BELONGS;
    if (source->trace.phase == TRACE_COLLECTING) {
        ends |= !trace_heard(&source->trace, source->stream.end, intake->now_us);
        intake->traced_us = intake->now_us;
    }
    if (ends) {
        panics_end_trace(intake->panics, source);
        voice_ended(&source->voice, intake->now_us);
    }
}

static bool needs_token(const struct intake *intake, const struct line_class *class)
{
    return intake->tokens &&
           (class->kind == LINE_PANIC || class->kind == LINE_END_MARKER ||
            class->kind == LINE_REBOOTING || class->kind == LINE_HALT || line_is_ours(class->kind));
}

static void handle_record(struct intake *intake, struct source *source,
                          const struct datagram *datagram, const struct kernel_record *record)
{
    struct line_class class = classify(record);
    if (needs_token(intake, &class) && !is_authentic(intake, record)) {
        say_unauthenticated(intake, source, record);
        class = (struct line_class){ .kind = LINE_PLAIN };
    }
    handle_line(intake, source, datagram, record, &class);
}

/* A record that came in fragments, whole or as whole as it gets; its text is a line now. */
static void on_whole(void *arg, uint16_t owner, uint64_t kernel_us, struct span body,
                     const struct awaited *awaited)
{
    struct intake *intake = arg;
    struct source *source = sources_at(intake->sources, owner);
    struct kernel_record whole, record;
    netconsole_whole(&intake->whole, body, &whole);
    if (!awaited) {
        add_line(intake, source, kernel_us, whole.text);
        return;
    }
    char bytes[NETCONSOLE_DATAGRAM_MAX];
    struct datagram datagram = { .bytes = { bytes, whole_print(awaited->header, body, bytes) },
                                 .source = source->address,
                                 .port = awaited->port,
                                 .received_us = awaited->received_us };
    netconsole_open(&intake->printed, bytes, datagram.bytes.size);
    if (!netconsole_next(&intake->printed, &record))
        return;
    record.text = whole.text;
    record.dictionary = whole.dictionary; /* with the token */
    handle_record(intake, source, &datagram, &record);
}

/* Whether RECORD is a fragment that may prove something once its token is there. */
static bool is_awaited(const struct intake *intake, const struct kernel_record *record)
{
    if (record->fragment_total == 0 || record->fragment_at > 0)
        return false;
    struct line_class class = classify(record);
    return needs_token(intake, &class);
}

static void add_fragment(struct intake *intake, const struct source *source,
                         const struct datagram *datagram, const struct kernel_record *record,
                         bool awaited)
{
    struct awaited rest = { .port = datagram->port, .received_us = datagram->received_us };
    if (awaited)
        whole_header(record, rest.header);
    reassemble_add(intake->reassemble, sources_index(intake->sources, source), source->is_node,
                   record, awaited ? &rest : NULL, intake->now_us);
}

bool intake_datagram(struct intake *intake, const struct datagram *datagram, uint64_t now_us)
{
    bool is_node = nodes_have(intake->nodes, &datagram->source);
    if (is_node && !panics_have_room(intake->panics, &datagram->source))
        return false;
    intake->now_us = now_us;
    struct source *source = sources_hear(intake->sources, &datagram->source, is_node);
    enum datagram_kind kind =
        netconsole_open(&intake->reader, datagram->bytes.bytes, datagram->bytes.size);
    count_datagram(intake, datagram, kind);
    struct kernel_record record;
    if (source)
        source->heard = true;
    while (source && netconsole_next(&intake->reader, &record)) {
        bool awaited = is_awaited(intake, &record);
        if (record.fragment_at == 0 && !awaited)
            handle_record(intake, source, datagram, &record);
        if (record.fragment_total > 0)
            add_fragment(intake, source, datagram, &record, awaited);
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
            proof_remember(&source->proof, &record, &class, now_us);
        }
        if (source && slot->kind == SLOT_PANIC)
            voice_panicked(&source->voice, now_us);
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
    if (intake->silent)
        silent_expire(intake->silent, now_us);
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
    reassemble_expire(intake->reassemble, UINT64_MAX);
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
