#include "tests/unit/unit.h"

#include "correlator/words.h"

#define S     US_PER_SECOND
#define MS    US_PER_MS
#define PANIC (1000 * S)

static const struct settle_times times = { .settle_us = 3 * S, .baseline_us = 1200 * S };

static const struct {
    const char *one, *two;
    uint64_t answered_us, from_us, now_us, gasp_us;
    unsigned attempts, answering, witnesses;
    const char *words, *gasp_name; /* NULL: a panic */
} rows[] = {
    { "10.0.3.7", NULL, PANIC - 41 * MS, PANIC, PANIC + 3020 * MS, PANIC, 6, 3, 3,
      "10.0.3.7:10250 silent for 3.02 s, 6 attempts; last answer 41 ms before the panic; 3 of 3 "
      "witnesses answered" },
    { "10.0.3.7", NULL, PANIC + 1480 * MS, PANIC + 1480 * MS, PANIC + 4500 * MS, PANIC, 5, 1, 1,
      "10.0.3.7:10250 silent for 3.02 s, 5 attempts; last answer 1.48 s after the panic; 1 of 1 "
      "witnesses answered" },
    { "fd00::7", NULL, PANIC - 214 * S, PANIC, PANIC + 3 * S, PANIC, 6, 3, 4,
      "[fd00::7]:10250 silent for 3.00 s, 6 attempts; last answer 214 s before the panic; 3 of 4 "
      "witnesses answered" },
    { "10.0.3.7", "fd00::7", PANIC - S, PANIC, PANIC + 3 * S, PANIC, 1, 0, 0,
      "10.0.3.7:10250 and [fd00::7]:10250 silent for 3.00 s, 1 attempt; last answer 1.00 s before "
      "the panic; there is no witness" },
    { "10.0.3.7", NULL, 0, PANIC, PANIC + 3 * S, PANIC, 6, 3, 3,
      "10.0.3.7:10250 silent for 3.00 s, 6 attempts; no answer is known from the 1200 s before; 3 "
      "of 3 witnesses answered" },
    { "10.0.3.7", NULL, 0, PANIC, PANIC + 3 * S, PANIC, 0, 3, 3,
      "10.0.3.7:10250 cannot be asked from here; no answer is known from the 1200 s before; 3 of "
      "3 witnesses answered" },
    { "10.0.3.7", NULL, PANIC - 10 * S, PANIC, PANIC + 3 * S, 0, 6, 3, 3,
      "10.0.3.7:10250 silent for 3.00 s, 6 attempts; last answer 13.00 s ago; 3 of 3 witnesses "
      "answered" },
    { "10.0.3.7", NULL, PANIC + 200 * MS, PANIC, PANIC + 3200 * MS, PANIC, 6, 3, 3,
      "10.0.3.7:10250 silent for 3.20 s, 6 attempts; last answer 200 ms after the halt; 3 of 3 "
      "witnesses answered",
      "halt" },
    { NULL, NULL, 0, PANIC, PANIC, PANIC, 0, 0, 0,
      "the Node has no InternalIP of its own that could be asked" },
};

static struct settle settle;
static struct address addresses[2];

static struct finding finding_of(int row)
{
    settle = (struct settle){ .from_us = rows[row].from_us,
                              .answered_us = rows[row].answered_us,
                              .attempts = rows[row].attempts };
    const char *texts[] = { rows[row].one, rows[row].two };
    size_t count = 0;
    while (count < 2 && texts[count] != NULL) {
        ck_assert(address_parse(texts[count], &addresses[count]));
        count++;
    }
    return (struct finding){ .addresses = addresses,
                             .address_count = count,
                             .port = 10250,
                             .settle = &settle,
                             .times = &times,
                             .witnesses = { .count = rows[row].witnesses,
                                            .answering = rows[row].answering },
                             .gasp_us = rows[row].gasp_us,
                             .gasp_name = rows[row].gasp_name ? rows[row].gasp_name : "panic",
                             .now_us = rows[row].now_us };
}

START_TEST(silence_is_said)
{
    char words[WORDS_SIZE];
    struct finding finding = finding_of(_i);
    ck_assert_str_eq(words_silent(&finding, words), rows[_i].words);
}
END_TEST

START_TEST(answers_are_said)
{
    char words[WORDS_SIZE];
    struct finding finding = finding_of(0);
    settle.answers_us = PANIC;
    settle.answered_us = PANIC + 30100 * MS;
    ck_assert_str_eq(words_answering(&finding, words),
                     "10.0.3.7:10250 has been answering for 30.10 s");
}
END_TEST

static void fill(Suite *suite)
{
    TCase *cases = tcase_create("words");
    tcase_add_loop_test(cases, silence_is_said, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(cases, answers_are_said);
    suite_add_tcase(suite, cases);
}

int main(void)
{
    return unit_run("words", fill);
}
