#include "actuator/request.h"
#include "actuator/state.h"
#include "common/clock.h"

static void refuse_intent(struct actuator *actuator, struct channel_peer *peer,
                          const struct intent *intent, const char *why)
{
    actuator->values[COUNT_INTENTS_REFUSED]++;
    channel_peer_refuse(peer, RECORD_INTENT, intent->id, why);
}

static void take_intent(struct actuator *actuator, struct channel_peer *peer,
                        const struct intent *intent)
{
    char why[RECORD_WHY_SIZE];

    if (!request_check(intent, clock_wall_us(), why)) {
        refuse_intent(actuator, peer, intent, why);
        return;
    }
    if (!engine_has_room_for(actuator->engine, intent->id)) {
        refuse_intent(actuator, peer, intent, "too many incidents are open; send it again later");
        return;
    }
    if (rights_only_tell(intent->verdict) && !engine_has_room_for_words(actuator->engine)) {
        refuse_intent(actuator, peer, intent, "too much is to be told; send it again later");
        return;
    }
    if (engine_is_ending(actuator->engine, intent->id)) {
        refuse_intent(actuator, peer, intent, "what was set for it is being undone; send it again");
        return;
    }
    actuator->values[COUNT_INTENTS]++;
    turn_add_intent(actuator->turn, intent);
}

static void on_record(void *arg, struct channel_peer *peer, const struct record *record)
{
    struct actuator *actuator = arg;

    switch (record->kind) {
    case RECORD_INTENT:
        take_intent(actuator, peer, &record->intent);
        break;
    case RECORD_RETRACT:
        actuator->values[COUNT_RETRACTS]++;
        turn_add_retract(actuator->turn, &record->retract);
        break;
    case RECORD_TRACE:
        actuator->values[COUNT_TRACES]++;
        people_trace(actuator->people, &record->trace);
        break;
    case RECORD_EVIDENCE:
        actuator->values[COUNT_EVIDENCE]++;
        engine_evidence(actuator->engine, record->evidence.id, record->evidence.silent_until_us,
                        record->evidence.words);
        break;
    default: /* the channel lets nothing else through from a correlator */
        break;
    }
}

struct stats_setup actuator_stats(struct actuator *actuator)
{
    return (struct stats_setup){ .counts = actuator->values,
                                 .steps = &actuator->steps,
                                 .engine = actuator->engine,
                                 .ledger = actuator->ledger,
                                 .server = actuator->server,
                                 .mode = actuator->options->mode,
                                 .dry = actuator->options->dry };
}

/* Of what is open, to all: more than one correlator may be there, and each may have forgotten. */
static void on_joined(void *arg, struct channel_peer *peer)
{
    struct actuator *actuator = arg;
    const struct stats_setup stats = actuator_stats(actuator);

    engine_tell_open(actuator->engine);
    stats_tell(&stats, peer);
}

const struct channel_server_handler actuator_upstream = { .record = on_record,
                                                          .joined = on_joined };
