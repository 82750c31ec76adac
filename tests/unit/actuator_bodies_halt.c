#include "actuator/bodies.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

/* What is written about a machine that ended in order, and that nobody takes it for a panic. */
#define WHO "alice ran sudo halt"

static const struct remedy_pod pod = { .namespace = "team-a", .name = "web-0", .uid = "pod-uid" };
static const struct remedy_owner job = { "team-a", "batch/v1", "Job", "train", "job-uid", 3 };

static struct names *names;
static struct json_writer *writer;

static void setup(void)
{
    names = names_new("example.com");
    writer = json_writer_new();
}

static void teardown(void)
{
    json_writer_free(writer);
    names_free(names);
}

/* The body of REQUEST, for an incident of that cause. */
static const char *body(enum cause cause, enum reason_code code, const char *reason,
                        const struct remedy_request *request)
{
    static char text[4096];
    struct incident incident = {
        .id = (char *)"0123456789abcdef0123456789abcdef",
        .node = (char *)"worker-1",
        .uid = (char *)"node-uid",
        .boot = (char *)"boot-1",
        .cause = cause,
        .reason_code = code,
        .reason = (char *)reason,
        .words = (char *)"silent for 3.02 s",
        .received_us = 1795414340123456,
    };
    struct bodies *bodies = bodies_new(&incident, names, REMEDY_REAL, "host-1", writer);
    struct bodies_call call;

    bodies_build(bodies, request, &call);
    snprintf(text, sizeof(text), "%.*s", (int)call.size, call.body);
    bodies_free(bodies);
    return text;
}

static const char *halt_body(const struct remedy_request *request)
{
    return body(CAUSE_HALT, REASON_HALT, "System halted: " WHO, request);
}

static void assert_says(const char *text, const char *what)
{
    ck_assert_msg(strstr(text, what), "\"%s\" is not in %s", what, text);
    ck_assert_msg(!strcasestr(text, "panic"), "a panic is spoken of in %s", text);
}

static const struct {
    enum reason_code code;
    const char *reason, *detail, *text;
} pods[] = {
    { REASON_HALT, "System halted: " WHO, "halt",
      "Orderly shutdown of node worker-1: System halted: " WHO },
    { REASON_HALT, "System halted", "halt", "Orderly shutdown of node worker-1: System halted" },
    { REASON_POWER_DOWN, "System powered down: " WHO, "power-down",
      "Orderly shutdown of node worker-1: System powered down: " WHO },
    { REASON_RESTARTING, "System restarting", "restarting",
      "Orderly shutdown of node worker-1: System restarting" },
};

START_TEST(a_pod_is_told_of_the_shutdown_and_who_asked_for_it)
{
    const struct remedy_request request = { .kind = REMEDY_MARK_POD, .pod = &pod };
    const char *text = body(CAUSE_HALT, pods[_i].code, pods[_i].reason, &request);
    char should[256];

    snprintf(should, sizeof(should), "\"pod.example.com/pod-termination-reason\":\"%s\"",
             pods[_i].text);
    assert_says(text, should);
    assert_says(text, "\"pod.example.com/pod-termination-reason-code\":\"halt\"");
    snprintf(should, sizeof(should), "\"pod.example.com/pod-termination-reason-detail\":\"%s\"",
             pods[_i].detail);
    assert_says(text, should);
    assert_says(text, "\"phase\":\"Failed\",\"reason\":\"NodeHalt\"");
    assert_says(text, "{\"type\":\"DisruptionTarget\",\"status\":\"True\","
                      "\"reason\":\"NodeHalt\"");
    assert_says(text, "{\"type\":\"example.com/Halt\",\"status\":\"True\","
                      "\"reason\":\"NodeHalt\"");
}
END_TEST

START_TEST(the_events_say_halt)
{
    const struct remedy_event of_node = { 0 }, of_owner = { .owner = &job };
    const struct remedy_request on_node = { .kind = REMEDY_EVENT, .event = &of_node };
    const struct remedy_request on_owner = { .kind = REMEDY_EVENT, .event = &of_owner };

    assert_says(halt_body(&on_node), "\"reason\":\"NodeHalt\"");
    assert_says(halt_body(&on_node), "\"note\":\"Orderly shutdown of node worker-1: System halted: "
                                     WHO " (silent for 3.02 s)\"");
    assert_says(halt_body(&on_owner), "\"note\":\"3 pods died with node worker-1: orderly "
                                      "shutdown: System halted: " WHO "\"");
}
END_TEST

START_TEST(the_node_says_halt)
{
    const struct answer_node node = { .uid = "node-uid", .resource_version = "7" };
    const struct remedy_request request = { .kind = REMEDY_MARK_NODE, .node = &node };

    assert_says(halt_body(&request), "\"node.example.com/node-termination-reason\":\"Orderly "
                                     "shutdown of node worker-1: System halted: " WHO "\"");
}
END_TEST

/* An Event that has the name of one that is there is taken for it. */
START_TEST(a_panic_after_the_halt_makes_events_of_its_own)
{
    const struct remedy_event event = { .owner = &job };
    const struct remedy_request request = { .kind = REMEDY_EVENT, .event = &event };
    static const char begin[] = "\"name\":\"lastgasp.";
    char halt[64], panic[64];

    snprintf(halt, sizeof(halt), "%.50s", strstr(halt_body(&request), begin));
    snprintf(panic, sizeof(panic), "%.50s",
             strstr(body(CAUSE_KERNEL_PANIC, REASON_OOPS, "Fatal exception", &request), begin));
    ck_assert_str_ne(halt, panic);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *bodies = tcase_create("bodies of a halt");

    tcase_add_checked_fixture(bodies, setup, teardown);
    tcase_add_loop_test(bodies, a_pod_is_told_of_the_shutdown_and_who_asked_for_it, 0,
                        sizeof(pods) / sizeof(pods[0]));
    tcase_add_test(bodies, the_events_say_halt);
    tcase_add_test(bodies, the_node_says_halt);
    tcase_add_test(bodies, a_panic_after_the_halt_makes_events_of_its_own);
    suite_add_tcase(suite, bodies);
}

int main(void)
{
    return unit_run("bodies of a halt", fill);
}
