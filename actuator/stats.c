#include "actuator/stats.h"

#include "actuator/counts.h"
#include "common/counters.h"

static void gauge(const struct stats_setup *setup, uint64_t gauges[GAUGES])
{
    gauges[GAUGE_INCIDENTS_OPEN] = engine_open(setup->engine);
    gauges[GAUGE_INCIDENTS_HELD] = engine_held(setup->engine);
    gauges[GAUGE_DRY_RUN] = setup->dry != REMEDY_REAL;
    gauges[GAUGE_MODE + setup->mode] = 1;
    if (setup->ledger) {
        struct ledger_view view = ledger_look(setup->ledger);
        gauges[GAUGE_LEADS] = ledger_may_write(setup->ledger);
        gauges[GAUGE_PAUSED] = view.paused;
        gauges[GAUGE_LATCHED] = view.latched;
        gauges[GAUGE_NODES_TOUCHED] = view.touched;
    }
}

void stats_tell(const struct stats_setup *setup, struct channel_peer *peer)
{
    uint64_t gauges[GAUGES] = { 0 };
    const struct counters tables[] = { { count_names, COUNTS, setup->counts },
                                       { gauge_names, GAUGES, gauges } };
    struct record record = { .kind = RECORD_STATS };
    struct arena arena = { 0 };

    gauge(setup, gauges);
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        counters_record(&tables[i], &arena, &record.stats.counters);
    counters_record(channel_server_counters(setup->server), &arena, &record.stats.counters);
    steps_record(setup->steps, &arena, &record.stats.counters);
    if (peer)
        channel_peer_send(peer, &record);
    else
        channel_server_broadcast(setup->server, &record);
    arena_free(&arena);
}
