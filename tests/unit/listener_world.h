#pragma once

#include "common/channel.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/service.h"
#include "common/text.h"
#include "listener/counts.h"
#include "listener/intake.h"

#include "tests/unit/unit.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * The listener without its sockets: datagrams go into intake, and a channel server in the place of
 * the correlator hears what comes of them and acknowledges when a test says so.
 */
static char folder[64], file[80], path[80];
static struct event_base *base;
static struct pending *pending;
static struct token_file *tokens; /* NULL: none is required */
static struct nodes *nodes;
static struct intake *intake;
static struct channel_server *server;
static struct channel_client *client;
static uint64_t counts[COUNTS], now_us, received_us;

static struct told {
    char id[DIGEST_TEXT_SIZE], reason[PENDING_REASON_SIZE], first[256], last[256];
    unsigned proof, lines;
    char node[64], userdata[256]; /* node=, and all of it */
} panics[2 * PENDING_OTHER_SLOTS], traces[16], lates[16];
static size_t panic_count, trace_count, halt_count, drill_count, late_count, heartbeat_count;
static unsigned spoken[SPEAKS_FRESH_TEXT + 1]; /* by why */
static size_t heard_records, heard_addresses;
static unsigned secrets; /* lines with a token in them */
static bool acknowledging;

static void look_for_secrets(const struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        secrets += strstr(lines->line[i], "token") != NULL;
}

static void take_userdata(struct told *told, const struct pairs *userdata)
{
    size_t used = 0;
    for (size_t i = 0; i < userdata->count; i++) {
        const struct pair *pair = &userdata->pair[i];
        text_append(told->userdata, sizeof(told->userdata), &used, " %s=%s", pair->key,
                    pair->value);
        if (strcmp(pair->key, "node") == 0)
            snprintf(told->node, sizeof(told->node), "%s", pair->value);
    }
}

static void on_record(void *arg, struct channel_peer *peer, const struct record *record)
{
    (void)arg, (void)peer;
    if (record->kind == RECORD_PANIC) {
        struct told *told = &panics[panic_count++];
        *told = (struct told){ .proof = record->panic.proof };
        snprintf(told->id, sizeof(told->id), "%s", record->panic.id);
        snprintf(told->reason, sizeof(told->reason), "%s", record->panic.reason);
        take_userdata(told, &record->panic.userdata);
        if (acknowledging)
            channel_server_acknowledge(server, RECORD_PANIC, record->panic.id);
    } else if (record->kind == RECORD_TRACE) {
        const struct lines *lines = &record->trace.lines;
        struct told *told = &traces[trace_count++];
        *told = (struct told){ .lines = (unsigned)lines->count };
        snprintf(told->first, sizeof(told->first), "%s", lines->line[0]);
        snprintf(told->id, sizeof(told->id), "%s", record->trace.id);
        snprintf(told->last, sizeof(told->last), "%s", lines->line[lines->count - 1]);
        look_for_secrets(lines);
    } else if (record->kind == RECORD_HALT) {
        halt_count++;
    } else if (record->kind == RECORD_DRILL) {
        drill_count++;
        if (acknowledging)
            channel_server_acknowledge(server, RECORD_DRILL, record->drill.id);
    } else if (record->kind == RECORD_LATE) {
        struct told *told = &lates[late_count++];
        snprintf(told->reason, sizeof(told->reason), "%s", record->late.reason);
        snprintf(told->node, sizeof(told->node), "%s", record->late.boot);
    } else if (record->kind == RECORD_HEARTBEAT) {
        heartbeat_count++;
    } else if (record->kind == RECORD_SPEAKS) {
        spoken[record->speaks.why]++;
    } else if (record->kind == RECORD_HEARD) {
        heard_records++;
        heard_addresses += record->heard.addresses.count;
    }
}
static const struct channel_server_handler server_handler = { .record = on_record };

static void on_fill(void *arg, struct delivery *delivery, struct record *record)
{
    (void)arg;
    panics_fill(intake_panics(intake), delivery, record);
}

static void on_acknowledged(void *arg, struct delivery *delivery)
{
    (void)arg;
    panics_acknowledged(intake_panics(intake), delivery);
}
static const struct channel_client_handler client_handler = { .fill = on_fill,
                                                              .acknowledged = on_acknowledged };

static void open_intake(void)
{
    char error[PENDING_ERROR_SIZE];
    pending = pending_open(file, error);
    ck_assert_msg(pending != NULL, "%s", error);
    nodes = nodes_new(pending_address_sets(pending));
    memset(counts, 0, sizeof(counts));
    intake = intake_new(pending, nodes, tokens, counts);
    client = channel_client_new(base, path, ROLE_LISTENER, ROLE_CORRELATOR, &client_handler, NULL);
    panics_connect(intake_panics(intake), client);
    hints_connect(intake_hints(intake), client);
    intake_remember(intake, now_us);
}

static void close_intake(void)
{
    channel_client_free(client);
    intake_free(intake);
    nodes_free(nodes);
    pending_close(pending);
}

static void setup(void)
{
    strcpy(folder, "/tmp/lastgasp-intake-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(file, sizeof(file), "%s/pending", folder);
    snprintf(path, sizeof(path), "%s/socket", folder);
    panic_count = trace_count = halt_count = heard_records = heard_addresses = 0;
    drill_count = late_count = heartbeat_count = 0;
    secrets = 0;
    spoken[SPEAKS_BOOT_BANNER] = spoken[SPEAKS_FRESH_TEXT] = 0;
    tokens = NULL;
    acknowledging = true;
    now_us = 1000 * US_PER_SECOND;
    received_us = 1700000000 * US_PER_SECOND;
    base = service_loop();
    server =
        channel_server_new(base, path, ROLE_CORRELATOR, ROLE_LISTENER, true, &server_handler, NULL);
    ck_assert_ptr_nonnull(server);
    open_intake();
}

static void teardown(void)
{
    close_intake();
    channel_server_free(server);
    event_base_free(base);
    unlink(file);
    rmdir(folder);
}

static void turn(void)
{
    for (int i = 0; i < 200; i++)
        event_base_loop(base, EVLOOP_NONBLOCK);
}

static bool offer(const char *source, const char *text)
{
    struct datagram datagram = { .bytes = { text, strlen(text) },
                                 .port = 6665,
                                 .received_us = received_us++ };
    ck_assert(address_parse(source, &datagram.source));
    return intake_datagram(intake, &datagram, now_us);
}

__attribute__((unused)) static void say(const char *text)
{
    ck_assert(offer("10.0.0.1", text));
}

__attribute__((unused)) static void make_node(const char *address)
{
    size_t refused;
    struct sources record = { .op = SOURCES_ADD, .addresses = { 1, &address } };
    ck_assert(nodes_follow(nodes, &record, &refused));
    intake_nodes_changed(intake);
}
