#include "listener/panics.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/text.h"
#include "listener/counts.h"
#include "listener/lines.h"
#include "listener/reasons.h"
#include "listener/slot_record.h"

#include <stdlib.h>
#include <string.h>

/*
 * A panic lives in a slot of the pending file, which is written before anybody is told, and beside
 * it in RAM as a delivery that the channel sends, again after every reconnect, until it is
 * acknowledged.  Its record is made from the slot whenever it is sent: the datagram is parsed once
 * more.
 *
 * Its trace is part of that stream too.  It is sent once it is complete and the panic is
 * acknowledged, whichever comes last, so that downstream knows what it belongs to.
 */
#define DATAGRAM_PANICS_MAX (NETCONSOLE_DATAGRAM_MAX / 17) /* no line proves anything in less */

struct panics {
    struct pending *pending;
    struct source_table *sources;
    struct channel_client *client;
    uint64_t *counts;
    bool again; /* what comes may have been handled before the restart */
    struct log_sample strangers, replaced;
    struct arena arena;              /* what the record made last points to */
    struct delivery held[PENDING_SLOTS]; /* by slot; untouched until used */
};

struct panics *panics_new(struct pending *pending, struct source_table *sources, uint64_t *counts)
{
    struct panics *panics = xcalloc(1, sizeof(*panics));
    panics->pending = pending;
    panics->sources = sources;
    panics->counts = counts;
    return panics;
}

void panics_free(struct panics *panics)
{
    arena_free(&panics->arena);
    free(panics);
}

bool panics_have_room(const struct panics *panics)
{
    return pending_room(panics->pending) >= DATAGRAM_PANICS_MAX;
}

static void deliver(struct panics *panics, uint32_t index)
{
    const struct slot *slot = pending_slot(panics->pending, index);
    struct delivery *delivery = &panics->held[index];
    *delivery = (struct delivery){
        .kind = slot->kind == SLOT_PANIC ? RECORD_PANIC : RECORD_HALT,
    };
    memcpy(delivery->id, slot->id, sizeof(delivery->id));
    channel_client_deliver(panics->client, delivery);
}

void panics_connect(struct panics *panics, struct channel_client *client)
{
    size_t count;
    uint32_t *restored = pending_restored(panics->pending, &count);
    panics->client = client;
    for (size_t i = 0; i < count; i++)
        deliver(panics, restored[i]);
    free(restored);
    if (count > 0)
        log_notice("%zu panics and halts from before the restart are not acknowledged yet", count);
}

/* Takes back and frees. */
static void withdraw(struct panics *panics, uint32_t index)
{
    channel_client_withdraw(panics->client, &panics->held[index]);
    pending_release(panics->pending, index);
}

/* A slot for SOURCE; the newest stranger replaces the oldest. */
static uint32_t reserve(struct panics *panics, bool is_node, uint64_t now_us)
{
    uint32_t index = pending_reserve(panics->pending, is_node);
    if (index != PENDING_NONE)
        return index;
    uint64_t skipped;
    panics->counts[COUNT_OTHER_REPLACED]++;
    if (log_sample_due(&panics->replaced, now_us, &skipped))
        log_warning("too many panics from addresses that are no Node's: the oldest make way "
                    "(%llu more since the last such line)",
                    (unsigned long long)skipped);
    withdraw(panics, pending_oldest_other(panics->pending));
    return pending_reserve(panics->pending, is_node);
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
    static const char lost[] = "text lost";
    bool told = proven->proof != PROOF_REBOOTING;
    struct span what = told ? class->what : (struct span){ lost, strlen(lost) };
    enum reason_code code = told ? reason_code_of(what) : proven->hint;
    struct arena arena = { 0 };
    struct span *lines = NULL;
    size_t count = reason_comes_from_oops(code) ? bare_lines(panics, source, &arena, &lines) : 0;
    slot->reason_code = (uint8_t)code;
    reason_write(code, what, lines, count, slot->reason, sizeof(slot->reason));
    arena_free(&arena);
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

/* Whether a slot has this id already: only when the batch of before a restart is handled again. */
static bool is_known(struct panics *panics, const char *id)
{
    for (uint32_t i = 0; i < PENDING_SLOTS; i++) {
        const struct slot *slot = pending_slot(panics->pending, i);
        if (slot->state == SLOT_PENDING && strcmp(slot->id, id) == 0)
            return true;
    }
    return false;
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

/* One line for each of a Node's, and a sample of the others', for anybody can send those. */
static void say(struct panics *panics, const struct source *source, const struct slot *slot,
                uint64_t now_us)
{
    char address[ADDRESS_TEXT_SIZE];
    uint64_t skipped = 0;
    if (!source->is_node && !log_sample_due(&panics->strangers, now_us, &skipped))
        return;
    address_print(&source->address, address);
    if (slot->kind == SLOT_PANIC)
        log_notice_of(slot->id, "panic of %s: %s (%s, proof %s)%s", address, slot->reason,
                      reason_code_names[slot->reason_code], proof_names[slot->detail],
                      source->is_node ? "" : ", not known as a Node's address");
    else
        log_notice_of(slot->id, "%s ends in an orderly way: %s", address,
                      halt_kind_names[slot->detail]);
    if (skipped > 0)
        log_notice("%llu more panics and halts of addresses that are no Node's, not logged",
                   (unsigned long long)skipped);
}

void panics_report(struct panics *panics, struct source *source, const struct datagram *datagram,
                   const struct kernel_record *record, const struct line_class *class,
                   const struct proven *proven, uint64_t now_us)
{
    bool panic = proven->step == STEP_PANIC;
    uint32_t index = reserve(panics, source->is_node, now_us);
    struct slot *slot = pending_slot(panics->pending, index);
    write_slot(slot, source, datagram, record);
    if (panics->again && is_known(panics, slot->id)) {
        pending_unreserve(panics->pending, index);
        return;
    }
    slot->kind = panic ? SLOT_PANIC : SLOT_HALT;
    slot->detail = (uint8_t)(panic ? (unsigned)proven->proof : (unsigned)class->halt);
    if (panic)
        write_reason(panics, source, slot, class, proven);
    pending_commit(panics->pending, index);
    panics->counts[panic ? COUNT_PANICS : COUNT_HALTS]++;
    say(panics, source, slot, now_us);
    deliver(panics, index);
    if (panic)
        panics_end_trace(panics, source);
    if (panic && proven->proof == PROOF_LINE)
        trace_start(&source->trace, slot->id, sources_context(panics->sources, source), now_us);
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
    for (uint32_t i = PENDING_NODE_SLOTS; i < PENDING_SLOTS; i++) {
        const struct slot *slot = pending_slot(panics->pending, i);
        if (slot->state != SLOT_PENDING || !nodes_have(nodes, &slot->source))
            continue;
        uint32_t index = pending_reserve(panics->pending, true);
        if (index == PENDING_NONE)
            return;
        struct slot copy = *slot;
        copy.state = SLOT_FREE; /* until it is whole */
        *pending_slot(panics->pending, index) = copy;
        pending_commit(panics->pending, index);
        withdraw(panics, i);
        deliver(panics, index);
    }
}

/* Which of the deliveries of `held` it is. */
static uint32_t index_of(const struct panics *panics, const struct delivery *delivery)
{
    return (uint32_t)(delivery - panics->held);
}

void panics_fill(struct panics *panics, struct delivery *delivery, struct record *record)
{
    const struct slot *slot = pending_slot(panics->pending, index_of(panics, delivery));
    arena_free(&panics->arena);
    slot_record(slot, &panics->arena, record);
}

void panics_acknowledged(struct panics *panics, struct delivery *delivery)
{
    uint32_t index = index_of(panics, delivery);
    const struct slot *slot = pending_slot(panics->pending, index);
    struct source *source = sources_find(panics->sources, &slot->source);
    if (source) {
        trace_acknowledge(&source->trace, slot->id);
        if (trace_is_due(&source->trace))
            send_trace(panics, source);
    }
    pending_release(panics->pending, index);
}
