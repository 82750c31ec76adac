#include "correlator/words.h"

#include "common/text.h"

#include <string.h>

struct text {
    char *out;
    size_t used;
};

#define add(text, ...) text_append((text)->out, WORDS_SIZE, &(text)->used, __VA_ARGS__)

static void add_targets(struct text *text, const struct finding *finding)
{
    for (size_t i = 0; i < finding->address_count; i++) {
        char address[ADDRESS_TEXT_SIZE];
        address_print(&finding->addresses[i], address);
        bool bare = strchr(address, ':') == NULL;
        add(text, "%s%s%s%s:%u", i > 0 ? " and " : "", bare ? "" : "[", address, bare ? "" : "]",
            (unsigned)finding->port);
    }
}

/* "41 ms", "3.02 s", "214 s" */
static void add_time(struct text *text, uint64_t us)
{
    if (us < US_PER_SECOND)
        add(text, "%llu ms", (unsigned long long)(us / US_PER_MS));
    else
        add(text, "%.*f s", us < 100 * US_PER_SECOND ? 2 : 0, (double)us / (double)US_PER_SECOND);
}

static void add_silence(struct text *text, const struct finding *finding)
{
    unsigned attempts = finding->settle->attempts;
    if (attempts == 0) {
        add(text, " cannot be asked from here");
        return;
    }
    add(text, " silent for ");
    add_time(text, finding->now_us - finding->settle->from_us);
    add(text, ", %u attempt%s", attempts, attempts == 1 ? "" : "s");
}

static void add_last_answer(struct text *text, const struct finding *finding)
{
    uint64_t answered_us = finding->settle->answered_us;
    if (answered_us == 0) {
        add(text, "; no answer is known from the ");
        add_time(text, finding->times->baseline_us);
        add(text, " before");
        return;
    }
    add(text, "; last answer ");
    if (finding->gasp_us == 0) {
        add_time(text, finding->now_us - answered_us);
        add(text, " ago");
    } else if (answered_us <= finding->gasp_us) {
        add_time(text, finding->gasp_us - answered_us);
        add(text, " before the %s", finding->gasp_name);
    } else {
        add_time(text, answered_us - finding->gasp_us);
        add(text, " after the %s", finding->gasp_name);
    }
}

const char *words_silent(const struct finding *finding, char out[WORDS_SIZE])
{
    struct text text = { .out = out };
    out[0] = '\0';
    if (finding->address_count == 0) {
        add(&text, "the Node has no InternalIP of its own that could be asked");
        return out;
    }
    add_targets(&text, finding);
    add_silence(&text, finding);
    add_last_answer(&text, finding);
    if (finding->witnesses.count == 0)
        add(&text, "; there is no witness");
    else
        add(&text, "; %u of %u witnesses answered", finding->witnesses.answering,
            finding->witnesses.count);
    return out;
}

const char *words_answering(const struct finding *finding, char out[WORDS_SIZE])
{
    struct text text = { .out = out };
    out[0] = '\0';
    add_targets(&text, finding);
    add(&text, " has been answering for ");
    add_time(&text, finding->settle->answered_us - finding->settle->answers_us);
    return out;
}
