#include "listener/panics.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/text.h"
#include "listener/backlog.h"
#include "listener/counts.h"
#include "listener/lines.h"
#include "listener/ours.h"
#include "listener/reasons.h"
#include "listener/slot_record.h"

#include <stdlib.h>
#include <string.h>

/*
 * A panic lives in the backlog until it is acknowledged.  Its record is made from its slot whenever
 * it is sent: the datagram is parsed once more.
 *
 * Its trace is part of that stream too.  It is sent once it is complete and the panic is
 * acknowledged, whichever comes last, so that downstream knows what it belongs to.
 */
struct panics {
    struct backlog *backlog;
    struct source_table *sources;
    struct channel_client *client;
    uint64_t *counts;
    bool again; /* what comes may have been handled before the restart */
    struct log_sample many;
    struct arena arena; /* what the record made last points to */
};

struct panics *panics_new(struct pending *pending, struct source_table *sources, uint64_t *counts)
{
    struct panics *panics = xcalloc(1, sizeof(*panics));
    panics->backlog = backlog_new(pending, counts);
    panics->sources = sources;
    panics->counts = counts;
    return panics;
}

void panics_free(struct panics *panics)
{
    backlog_free(panics->backlog);
    arena_free(&panics->arena);
    free(panics);
}

bool panics_have_room(const struct panics *panics, const struct address *address)
{
    return backlog_has_room(panics->backlog, address);
}

void panics_connect(struct panics *panics, struct channel_client *client)
{
    panics->client = client;
    size_t count = backlog_connect(panics->backlog, client);
    if (count > 0)
        log_notice("%zu panics and halts from before the restart are not acknowledged yet", count);
}

/* The lines before the panic, without time and caller. */
static size_t bare_lines(struct panics *panics, const struct source *source, struct arena *arena,
                         struct span **lines)
{
    struct span text = sources_text(panics->sources, source, 0, source->stream.end, arena);
    size_t count = lines_split(text, arena, lines);
    for (size_t i = 0; i < count; i++) {
        uint64_t kernel_us;
        (*lines)[i] = netconsole_strip((*lines)[i], &kernel_us);
    }
    return count;
}

static void write_reason(struct panics *panics, const struct source *source, struct slot *slot,
                         const struct line_class *class, const struct proven *proven)
{
    static const char lost[] = "text lost", silent[] = "oops, then silence";
    bool told = proven->proof != PROOF_REBOOTING && proven->proof != PROOF_SILENT_OOPS;
    struct span what = told ? class->what : (struct span){ lost, strlen(lost) };
    enum reason_code code = told ? reason_code_of(what) : proven->hint;
    if (proven->proof == PROOF_SILENT_OOPS) {
        what = (struct span){ silent, strlen(silent) };
        code = REASON_OOPS;
    }
    struct arena arena = { 0 };
    struct span *lines = NULL;
    size_t count = reason_comes_from_oops(code) ? bare_lines(panics, source, &arena, &lines) : 0;
    slot->reason_code = (uint8_t)code;
    reason_write(code, what, lines, count, slot->reason, sizeof(slot->reason));
    arena_free(&arena);
}

/* What the kernel that died said before its panic, among LINES of the one that tells of it. */
static size_t late_lines(struct span *lines, size_t count, struct span boot)
{
    size_t late = 0;
    for (size_t i = 0; i < count; i++) {
        struct ours ours;
        if (span_starts(lines[i], "lastgasp: late ") && ours_read(LINE_LATE, lines[i], &ours) &&
            ours.boot.size == boot.size && memcmp(ours.boot.bytes, boot.bytes, boot.size) == 0)
            lines[late++] = ours.text;
    }
    return late;
}

static void write_late_reason(struct panics *panics, const struct source *source, struct slot *slot,
                              const struct ours *ours, struct span what)
{
    enum reason_code code = reason_code_of(what);
    struct arena arena = { 0 };
    struct span *lines = NULL;
    size_t count = reason_comes_from_oops(code) ? bare_lines(panics, source, &arena, &lines) : 0;
    slot->reason_code = (uint8_t)code;
    reason_write(code, what, lines, late_lines(lines, count, ours->boot), slot->reason,
                 sizeof(slot->reason));
    arena_free(&arena);
}

/* The same however often it is said: a drill by whatever way it came, late words by one source. */
static void write_id_of_ours(struct slot *slot, const struct ours *ours)
{
    struct digest_part drill[] = {
        { "drill", strlen("drill") },
        { ours->node.bytes, ours->node.size },
        { ours->boot.bytes, ours->boot.size },
        { ours->drill.bytes, ours->drill.size },
    };
    struct digest_part late[] = {
        { "late", strlen("late") },
        { &slot->source, sizeof(slot->source) },
        { ours->boot.bytes, ours->boot.size },
        { ours->text.bytes, ours->text.size },
    };
    digest_print(slot->kind == SLOT_DRILL ? drill : late, 4, slot->id);
}

/* The same however often the datagram is handled. */
static void write_id(struct slot *slot)
{
    struct digest_part parts[] = {
        { &slot->source, sizeof(slot->source) },
        { &slot->received_us, sizeof(slot->received_us) },
        { slot->datagram + slot->offset, (size_t)slot->size - slot->offset },
    };
    digest_print(parts, 3, slot->id);
}

void panics_handle_again(struct panics *panics, bool again)
{
    panics->again = again;
}

static void write_slot(struct slot *slot, const struct source *source,
                       const struct datagram *datagram, const struct kernel_record *record)
{
    *slot = (struct slot){
        .port = datagram->port,
        .size = (uint16_t)datagram->bytes.size,
        .offset = (uint16_t)record->offset,
        .received_us = datagram->received_us,
        .source = source->address,
    };
    memcpy(slot->datagram, datagram->bytes.bytes, datagram->bytes.size);
    write_id(slot);
}

static void say_what(const struct source *source, const struct slot *slot)
{
    char address[ADDRESS_TEXT_SIZE];
    const char *stranger = source->is_node ? "" : ", not known as a Node's address";
    address_print(&source->address, address);
    switch ((enum slot_kind)slot->kind) {
    case SLOT_PANIC:
        log_notice_of(slot->id, "panic of %s: %s (%s, proof %s)%s", address, slot->reason,
                      reason_code_names[slot->reason_code], proof_names[slot->detail], stranger);
        break;
    case SLOT_HALT:
        log_notice_of(slot->id, "%s ends in an orderly way: %s", address,
                      halt_kind_names[slot->detail]);
        break;
    case SLOT_DRILL:
        log_notice_of(slot->id, "drill of %s%s", address, stranger);
        break;
    case SLOT_LATE:
        log_notice_of(slot->id, "%s says why it died before this boot: %s (%s)%s", address,
                      slot->reason, reason_code_names[slot->reason_code], stranger);
        break;
    }
}

/* One line for each of a Node's, and a sample of what can be sent as often as anybody likes: those
 * of others, and of a Node that says so many that it cannot keep all. */
static void say(struct panics *panics, const struct source *source, const struct slot *slot,
                bool few, uint64_t now_us)
{
    uint64_t skipped = 0;
    if (!(source->is_node && few) && !log_sample_due(&panics->many, now_us, &skipped))
        return;
    say_what(source, slot);
    if (skipped > 0)
        log_notice("%llu more panics and halts, of addresses that are no Node's or too many of one "
                   "Node, not logged",
                   (unsigned long long)skipped);
}

void panics_report(struct panics *panics, struct source *source, const struct datagram *datagram,
                   const struct kernel_record *record, const struct line_class *class,
                   const struct proven *proven, uint64_t now_us)
{
    bool panic = proven->step == STEP_PANIC;
    uint32_t index = backlog_reserve(panics->backlog, source->is_node);
    struct slot *slot = backlog_slot(panics->backlog, index);
    write_slot(slot, source, datagram, record);
    if (panics->again && backlog_has(panics->backlog, slot->id)) {
        backlog_unreserve(panics->backlog, index);
        return;
    }
    slot->kind = panic ? SLOT_PANIC : SLOT_HALT;
    slot->detail = (uint8_t)(panic ? (unsigned)proven->proof : (unsigned)class->halt);
    if (panic)
        write_reason(panics, source, slot, class, proven);
    bool few = backlog_commit(panics->backlog, index);
    panics->counts[panic ? COUNT_PANICS : COUNT_HALTS]++;
    say(panics, source, slot, few, now_us);
    if (panic) {
        panics_end_trace(panics, source);
        voice_panicked(&source->voice, now_us);
    }
    if (panic && (proven->proof == PROOF_LINE || proven->proof == PROOF_SILENT_OOPS))
        trace_start(&source->trace, slot->id, sources_context(panics->sources, source), now_us);
}

/* Nothing is lost with one that is left out but words. */
static bool may_take(struct panics *panics, struct source *source, enum line_kind kind,
                     uint64_t now_us)
{
    struct ours_share *share = kind == LINE_DRILL ? &source->drills : &source->lates;
    bool may = ours_take(share, kind, now_us) &&
               backlog_has_room_for_words(panics->backlog, source->is_node);
    panics->counts[COUNT_OURS_SKIPPED] += !may;
    return may;
}

/* Of the late lines only the panic's is one to report; the others stand before and after it. */
static bool tells_panic(const struct ours *ours, struct span *what)
{
    const struct kernel_record old = { .facility = RECORD_ABSENT, .text = ours->text };
    const struct line_class class = classify(&old);
    *what = class.what;
    return class.kind == LINE_PANIC;
}

void panics_report_ours(struct panics *panics, struct source *source,
                        const struct datagram *datagram, const struct kernel_record *record,
                        enum line_kind kind, uint64_t now_us)
{
    struct ours ours;
    struct span what;
    if (!ours_read(kind, record->text, &ours) ||
        (kind == LINE_LATE && !tells_panic(&ours, &what)) ||
        !may_take(panics, source, kind, now_us))
        return;
    uint32_t index = backlog_reserve(panics->backlog, source->is_node);
    struct slot *slot = backlog_slot(panics->backlog, index);
    write_slot(slot, source, datagram, record);
    slot->kind = kind == LINE_DRILL ? SLOT_DRILL : SLOT_LATE;
    write_id_of_ours(slot, &ours);
    if (backlog_has(panics->backlog, slot->id)) {
        panics->counts[COUNT_OURS_SKIPPED]++;
        backlog_unreserve(panics->backlog, index);
        return;
    }
    if (kind == LINE_LATE)
        write_late_reason(panics, source, slot, &ours, what);
    bool few = backlog_commit(panics->backlog, index);
    panics->counts[kind == LINE_DRILL ? COUNT_DRILLS : COUNT_LATES]++;
    say(panics, source, slot, few, now_us);
    if (kind == LINE_LATE && source->trace.phase == TRACE_NONE) {
        trace_start(&source->trace, slot->id, sources_context(panics->sources, source), now_us);
        source->trace.of_old_boot = true;
    }
}

/* Part by part, as many as an incident may keep. */
static void send_trace(struct panics *panics, struct source *source)
{
    struct arena arena = { 0 };
    const struct trace_state *trace = &source->trace;
    struct span rest = sources_text(panics->sources, source, trace->begin, trace->end, &arena);
    bool sent = true;
    for (uint64_t part = 0; rest.size > 0 && sent; part++) {
        struct record record = { .kind = RECORD_TRACE, .trace = { .id = trace->id, .part = part } };
        size_t taken = lines_oldest(rest, TRACE_PART_MAX, &arena, &record.trace.lines);
        rest = (struct span){ rest.bytes + taken, rest.size - taken };
        record.trace.last = rest.size == 0 || part + 1 == TRACE_MAX / TRACE_PART_MAX;
        sent = channel_client_send(panics->client, &record);
        if (record.trace.last)
            break;
    }
    panics->counts[sent ? COUNT_TRACES : COUNT_TRACES_LOST]++;
    arena_free(&arena);
    trace_done(&source->trace);
}

void panics_end_trace(struct panics *panics, struct source *source)
{
    trace_complete(&source->trace, source->stream.end);
    if (trace_is_due(&source->trace))
        send_trace(panics, source);
}

void panics_promote(struct panics *panics, const struct nodes *nodes)
{
    backlog_promote(panics->backlog, nodes);
}

void panics_fill(struct panics *panics, struct delivery *delivery, struct record *record)
{
    uint32_t index = backlog_index(panics->backlog, delivery);
    arena_free(&panics->arena);
    slot_record(backlog_slot(panics->backlog, index), &panics->arena, record);
}

void panics_acknowledged(struct panics *panics, struct delivery *delivery)
{
    uint32_t index = backlog_index(panics->backlog, delivery);
    const struct slot *slot = backlog_slot(panics->backlog, index);
    struct source *source = sources_find(panics->sources, &slot->source);
    if (source) {
        trace_acknowledge(&source->trace, slot->id);
        if (trace_is_due(&source->trace))
            send_trace(panics, source);
    }
    backlog_release(panics->backlog, index);
}
