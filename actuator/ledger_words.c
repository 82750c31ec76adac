#include "actuator/ledger_words.h"

#include <stdio.h>

#include "common/text.h"

static void say_role(const struct ledger_state *state, uint64_t now_us, char *words, size_t *used)
{
    static const char *const roles[] = {
        [LEDGER_UNKNOWN] = "waits for the ledger",
        [LEDGER_MISSING] = "THERE IS NO LEDGER, so touches nothing",
        [LEDGER_BROKEN] = "THE LEDGER CANNOT BE READ, so touches nothing",
        [LEDGER_STANDBY] = "stands by",
        [LEDGER_LEADS] = "acts",
        [LEDGER_LATE] = "THE LEDGER CANNOT BE RENEWED, so writes nothing",
    };
    enum ledger_role role = ledger_state_role(state, now_us);

    text_append(words, LEDGER_WORDS_SIZE, used, "%s", roles[role]);
    if (role == LEDGER_STANDBY)
        text_append(words, LEDGER_WORDS_SIZE, used, " (%s acts)", ledger_state_holder(state));
}

void ledger_words(const struct ledger_state *state, const struct limits_sizes *sizes,
                  uint64_t now_us, char words[LEDGER_WORDS_SIZE])
{
    uint64_t room = ledger_state_room(state, sizes, now_us);
    size_t used = 0;

    say_role(state, now_us, words, &used);
    if (ledger_state_paused(state))
        text_append(words, LEDGER_WORDS_SIZE, &used, ", PAUSED");
    if (ledger_state_latched(state))
        text_append(words, LEDGER_WORDS_SIZE, &used, ", LATCHED until `lastgasp-incidents resume`");
    if (ledger_state_role(state, now_us) != LEDGER_LEADS)
        return;
    text_append(words, LEDGER_WORDS_SIZE, &used, "; %zu Nodes touched lately",
                ledger_state_touched(state));
    if (room != UINT64_MAX)
        text_append(words, LEDGER_WORDS_SIZE, &used, ", the limits allow %llu more",
                    (unsigned long long)room);
}
