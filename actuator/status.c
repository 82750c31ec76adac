#include "actuator/status.h"

#include "actuator/counts.h"
#include "actuator/ledger_words.h"
#include "common/service.h"

void status_show(const struct actuator_options *options, const struct ledger *ledger,
                 const struct engine *engine, size_t peers, const uint64_t *counts)
{
    char words[LEDGER_WORDS_SIZE] = "writes nothing";
    size_t open = engine_open(engine), held = engine_held(engine);

    if (ledger)
        ledger_describe(ledger, words);
    service_status("mode %s%s: %s; %zu incidents open, %zu of them held; %s; since the start "
                   "%llu closed, %llu Nodes and %llu pods deleted",
                   mode_names[options->mode], options->dry == REMEDY_REAL ? "" : " (dry run)",
                   words, open, held,
                   peers > 0 ? "the correlator is there" : "NO CORRELATOR is connected",
                   (unsigned long long)counts[COUNT_INCIDENTS_CLOSED],
                   (unsigned long long)counts[COUNT_NODES_DELETED],
                   (unsigned long long)counts[COUNT_PODS_DELETED]);
}
