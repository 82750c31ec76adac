#include "tests/unit/unit.h"

#include "correlator/watchstep.h"

#include <string.h>

#define S  US_PER_SECOND
#define MS US_PER_MS

/* Every rule once: what was asked, how it ended, what is asked next and when.  With the RANDOM of
 * half its range the jitter is none. */
#define NO_JITTER (UINT32_MAX / 2 + 1)

static const struct {
    const char *rule;
    struct watchstep before;
    struct watch_outcome outcome;
    enum watch_request request;
    bool paged, list_anew;
    uint64_t delay_ms;
} rules[] = {
    { "a streaming list that is refused as invalid is paged at once",
      { WATCH_STREAMING_LIST },
      { WATCH_REFUSED, 422 },
      WATCH_PAGED_LIST,
      true,
      true,
      0 },
    { "likewise as a bad request",
      { WATCH_STREAMING_LIST },
      { WATCH_REFUSED, 400 },
      WATCH_PAGED_LIST,
      true,
      true,
      0 },
    { "one that is taken for a plain watch is paged at once",
      { WATCH_STREAMING_LIST },
      { WATCH_IGNORED },
      WATCH_PAGED_LIST,
      true,
      true,
      0 },
    { "one that falls silent before its mark is paged",
      { WATCH_STREAMING_LIST },
      { WATCH_SILENT },
      WATCH_PAGED_LIST,
      true,
      true,
      800 },
    { "one that ends in order before its mark is paged",
      { WATCH_STREAMING_LIST },
      { WATCH_ENDED },
      WATCH_PAGED_LIST,
      true,
      true,
      800 },
    { "one that nobody answered says nothing about streaming lists",
      { WATCH_STREAMING_LIST },
      { WATCH_BROKEN },
      WATCH_STREAMING_LIST,
      false,
      true,
      800 },
    { "nor does a missing right",
      { WATCH_STREAMING_LIST },
      { WATCH_REFUSED, 403 },
      WATCH_STREAMING_LIST,
      false,
      true,
      800 },
    { "nor a server that is starting",
      { WATCH_STREAMING_LIST },
      { WATCH_REFUSED, 503 },
      WATCH_STREAMING_LIST,
      false,
      true,
      800 },
    { "a streaming list that is expired is asked for again at once",
      { WATCH_STREAMING_LIST },
      { WATCH_REFUSED, 410 },
      WATCH_STREAMING_LIST,
      false,
      true,
      0 },
    { "a streaming list comes after Retry-After from its beginning",
      { WATCH_STREAMING_LIST },
      { WATCH_REFUSED, 429, 0, 3 * S },
      WATCH_STREAMING_LIST,
      false,
      true,
      3000 },

    { "a page that breaks off starts the list anew",
      { WATCH_PAGED_LIST, true, .page = "p2" },
      { WATCH_BROKEN },
      WATCH_PAGED_LIST,
      true,
      true,
      800 },
    { "a page that falls silent too",
      { WATCH_PAGED_LIST, true, .page = "p2" },
      { WATCH_SILENT },
      WATCH_PAGED_LIST,
      true,
      true,
      800 },
    { "a continue token that expired starts the list anew at once",
      { WATCH_PAGED_LIST, true, .page = "p2" },
      { WATCH_REFUSED, 410 },
      WATCH_PAGED_LIST,
      true,
      true,
      0 },
    { "a page is asked for again after Retry-After, what was gathered stays",
      { WATCH_PAGED_LIST, true, .page = "p2" },
      { WATCH_REFUSED, 429, 0, 2 * S },
      WATCH_PAGED_LIST,
      true,
      false,
      2000 },

    { "a watch whose time is over goes on at once",
      { WATCH_EVENTS },
      { WATCH_ENDED, .lived_us = 300 * S },
      WATCH_EVENTS,
      false,
      false,
      0 },
    { "one that ends right away is no busy loop",
      { WATCH_EVENTS },
      { WATCH_ENDED, .lived_us = 1 * S },
      WATCH_EVENTS,
      false,
      false,
      800 },
    { "a half-open stream is replaced at once",
      { WATCH_EVENTS },
      { WATCH_SILENT, .lived_us = 150 * S },
      WATCH_EVENTS,
      false,
      false,
      0 },
    { "a stream that is cut off goes on after the first backoff",
      { WATCH_EVENTS, .backoff_us = 30 * S },
      { WATCH_BROKEN, .lived_us = 40 * S },
      WATCH_EVENTS,
      false,
      false,
      800 },
    { "410 lists again at once",
      { WATCH_EVENTS },
      { WATCH_REFUSED, 410 },
      WATCH_STREAMING_LIST,
      false,
      true,
      0 },
    { "410 lists in pages where streaming lists are refused",
      { WATCH_EVENTS, true },
      { WATCH_REFUSED, 410 },
      WATCH_PAGED_LIST,
      true,
      true,
      0 },
    { "410 again, with no steady stream in between, backs off",
      { WATCH_EVENTS, .relisted = true },
      { WATCH_REFUSED, 410 },
      WATCH_STREAMING_LIST,
      false,
      true,
      800 },
    { "410 after a steady stream is at once again",
      { WATCH_EVENTS, .relisted = true },
      { WATCH_REFUSED, 410, 31 * S },
      WATCH_STREAMING_LIST,
      false,
      true,
      0 },
    { "a version that makes no sense to the server lists again",
      { WATCH_EVENTS },
      { WATCH_REFUSED, 400 },
      WATCH_STREAMING_LIST,
      false,
      true,
      0 },
    { "429 waits for Retry-After and keeps its place",
      { WATCH_EVENTS },
      { WATCH_REFUSED, 429, 0, 7 * S },
      WATCH_EVENTS,
      false,
      false,
      7000 },
    { "429 without Retry-After backs off",
      { WATCH_EVENTS },
      { WATCH_REFUSED, 429 },
      WATCH_EVENTS,
      false,
      false,
      800 },
    { "no Retry-After blinds us for more than a minute",
      { WATCH_EVENTS },
      { WATCH_REFUSED, 429, 0, 3600 * S },
      WATCH_EVENTS,
      false,
      false,
      60000 },
    { "401 and 5xx keep their place",
      { WATCH_EVENTS },
      { WATCH_REFUSED, 401 },
      WATCH_EVENTS,
      false,
      false,
      800 },
    { "the backoff doubles",
      { WATCH_EVENTS, .backoff_us = 800 * MS },
      { WATCH_BROKEN },
      WATCH_EVENTS,
      false,
      false,
      1600 },
    { "up to 30 s",
      { WATCH_EVENTS, .backoff_us = 20 * S },
      { WATCH_BROKEN },
      WATCH_EVENTS,
      false,
      false,
      30000 },
};

START_TEST(each_end_leads_to_its_next_request)
{
    struct watchstep step = rules[_i].before;
    strcpy(step.version, "41");
    struct watch_next next = watchstep_ended(&step, &rules[_i].outcome, NO_JITTER);
    const char *rule = rules[_i].rule;
    ck_assert_msg(step.request == rules[_i].request, "%s: request %d", rule, step.request);
    ck_assert_msg(step.paged == rules[_i].paged, "%s: paged %d", rule, step.paged);
    ck_assert_msg(next.list_anew == rules[_i].list_anew, "%s: anew %d", rule, next.list_anew);
    ck_assert_msg(next.delay_us / MS == rules[_i].delay_ms, "%s: %llu us", rule,
                  (unsigned long long)next.delay_us);
    ck_assert_msg(strcmp(step.version, "41") == 0, "%s: the version is lost", rule);
    ck_assert_msg(!next.list_anew || step.page[0] == '\0', "%s: the page is kept", rule);
}
END_TEST

START_TEST(the_jitter_stays_within_a_quarter)
{
    struct watch_outcome broken = { WATCH_BROKEN };
    struct watchstep low = { WATCH_EVENTS }, high = { WATCH_EVENTS };
    ck_assert_uint_eq(watchstep_ended(&low, &broken, 0).delay_us, 600 * MS);
    ck_assert_uint_eq(watchstep_ended(&high, &broken, UINT32_MAX).delay_us, 1000 * MS);
}
END_TEST

START_TEST(a_streaming_list_becomes_a_watch_at_its_mark)
{
    struct watchstep step = { 0 };
    ck_assert_int_eq(step.request, WATCH_STREAMING_LIST);
    ck_assert(!watchstep_event(&step, "90", false));
    ck_assert_str_eq(step.version, "");
    ck_assert(watchstep_event(&step, "60", true));
    ck_assert_int_eq(step.request, WATCH_EVENTS);
    ck_assert_str_eq(step.version, "60");
    ck_assert(!watchstep_event(&step, "61", false));
    ck_assert_str_eq(step.version, "61");
    ck_assert(!watchstep_event(&step, "", false));
    ck_assert(!watchstep_event(&step, "62", true));
    ck_assert_str_eq(step.version, "62");
}
END_TEST

START_TEST(a_paged_list_becomes_a_watch_after_its_last_page)
{
    char path[WATCH_PATH_SIZE];
    struct watchstep step = { WATCH_PAGED_LIST, true };
    watchstep_path(&step, 300, path);
    ck_assert_str_eq(path, "/api/v1/nodes?limit=500");
    ck_assert(!watchstep_page(&step, "60", "a=b&c"));
    watchstep_path(&step, 300, path);
    ck_assert_str_eq(path, "/api/v1/nodes?limit=500&continue=a%3Db%26c");
    ck_assert(watchstep_page(&step, "60", ""));
    watchstep_path(&step, 433, path);
    ck_assert_str_eq(path, "/api/v1/nodes?watch=1&allowWatchBookmarks=true&resourceVersion=60"
                           "&timeoutSeconds=433");
}
END_TEST

START_TEST(a_streaming_list_is_asked_for_as_the_kep_says)
{
    char path[WATCH_PATH_SIZE];
    struct watchstep step = { 0 };
    watchstep_path(&step, 599, path);
    ck_assert_str_eq(path, "/api/v1/nodes?watch=1&sendInitialEvents=true&allowWatchBookmarks=true"
                           "&resourceVersionMatch=NotOlderThan&resourceVersion="
                           "&timeoutSeconds=599");
}
END_TEST

START_TEST(a_list_may_not_pause_as_long_as_a_watch)
{
    struct watchstep list = { WATCH_STREAMING_LIST }, page = { WATCH_PAGED_LIST },
                     events = { WATCH_EVENTS };
    ck_assert_uint_eq(watchstep_silent_us(&list), 8 * S);
    ck_assert_uint_eq(watchstep_silent_us(&page), 8 * S);
    ck_assert_uint_eq(watchstep_silent_us(&events), 150 * S);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *cases = tcase_create("watchstep");
    tcase_add_loop_test(cases, each_end_leads_to_its_next_request, 0,
                        sizeof(rules) / sizeof(rules[0]));
    tcase_add_test(cases, the_jitter_stays_within_a_quarter);
    tcase_add_test(cases, a_streaming_list_becomes_a_watch_at_its_mark);
    tcase_add_test(cases, a_paged_list_becomes_a_watch_after_its_last_page);
    tcase_add_test(cases, a_streaming_list_is_asked_for_as_the_kep_says);
    tcase_add_test(cases, a_list_may_not_pause_as_long_as_a_watch);
    suite_add_tcase(suite, cases);
}

int main(void)
{
    return unit_run("watchstep", fill);
}
