#include "actuator/answers.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

static const char node_text[] =
    "{\"kind\":\"Node\",\"metadata\":{\"name\":\"n\",\"uid\":\"u-1\",\"resourceVersion\":\"42\","
    "\"labels\":{\"pool\":\"gpu\",\"topology.kubernetes.io/zone\":\"z-1\"},"
    "\"annotations\":{\"other\":\"x\",\"node.example.com/lastgasp-set\":\"boot=b,annotations\"},"
    "\"finalizers\":[\"karpenter.sh/termination\"],"
    "\"ownerReferences\":[{\"uid\":\"not-this\"}]},"
    "\"spec\":{\"unschedulable\":true,\"taints\":["
    "{\"key\":\"a\",\"value\":\"b\",\"effect\":\"NoSchedule\"},"
    "{\"key\":\"c\",\"effect\":\"NoExecute\",\"timeAdded\":\"2026-11-23T06:00:00Z\"}]},"
    "\"status\":{\"nodeInfo\":{\"bootID\":\"b-1\",\"kernelVersion\":\"6.1\"},"
    "\"images\":[{\"names\":[\"i\"]}],"
    "\"addresses\":[{\"type\":\"Hostname\",\"address\":\"n\"},"
    "{\"address\":\"10.0.3.17\",\"type\":\"InternalIP\"},"
    "{\"type\":\"InternalIP\",\"address\":\"fd00:10::17\"}],"
    "\"daemonEndpoints\":{\"kubeletEndpoint\":{\"Port\":10251}},"
    "\"conditions\":[{\"type\":\"MemoryPressure\",\"status\":\"False\"},"
    "{\"status\":\"True\",\"type\":\"Ready\"}],"
    "\"volumesAttached\":[{\"name\":\"v1\",\"devicePath\":\"\"},{\"name\":\"v2\"}]}}";

START_TEST(a_node_is_read_whole)
{
    struct names *names = names_new("example.com");
    struct answer_node *node = answer_node_read(names, node_text, strlen(node_text));

    ck_assert_ptr_nonnull(node);
    ck_assert_str_eq(node->uid, "u-1");
    ck_assert_str_eq(node->boot, "b-1");
    ck_assert_str_eq(node->resource_version, "42");
    ck_assert_str_eq(node->set, "boot=b,annotations");
    ck_assert(node->unschedulable && node->finalizers);
    ck_assert_int_eq(node->ready, READY_TRUE);
    ck_assert_str_eq(node->address, "10.0.3.17");
    ck_assert_uint_eq(node->port, 10251);
    ck_assert_str_eq(answer_pairs_find(&node->labels, "pool"), "gpu");
    ck_assert_str_eq(answer_pairs_find(&node->annotations, "other"), "x");
    ck_assert_ptr_null(answer_pairs_find(&node->labels, "other"));
    ck_assert_uint_eq(node->volumes, 2);
    ck_assert_uint_eq(node->taint_count, 2);
    ck_assert_str_eq(node->taints[0].key, "a");
    ck_assert_str_eq(node->taints[0].value, "b");
    ck_assert_str_eq(node->taints[0].effect, "NoSchedule");
    ck_assert_ptr_null(node->taints[0].time_added);
    ck_assert_str_eq(node->taints[1].key, "c");
    ck_assert_ptr_null(node->taints[1].value);
    ck_assert_str_eq(node->taints[1].time_added, "2026-11-23T06:00:00Z");
    answer_node_free(node);
    names_free(names);
}
END_TEST

/* The condition, as it is written; without one nobody knows. */
static const struct {
    const char *conditions;
    enum answer_ready ready;
} conditions[] = {
    { "", READY_UNKNOWN },
    { "{\"type\":\"Ready\",\"status\":\"True\"}", READY_TRUE },
    { "{\"type\":\"Ready\",\"status\":\"False\"}", READY_FALSE },
    { "{\"type\":\"Ready\",\"status\":\"Unknown\"}", READY_UNKNOWN },
    { "{\"type\":\"DiskPressure\",\"status\":\"True\"}", READY_UNKNOWN },
    { "{\"status\":\"True\"},{\"type\":\"Ready\"}", READY_UNKNOWN },
};

START_TEST(a_node_is_ready_when_it_says_so)
{
    struct names *names = names_new("example.com");
    char text[512];

    int size = snprintf(text, sizeof(text),
                        "{\"metadata\":{\"uid\":\"u\",\"resourceVersion\":\"1\"},\"status\":{"
                        "\"nodeInfo\":{\"bootID\":\"b\"},\"conditions\":[%s]}}",
                        conditions[_i].conditions);
    struct answer_node *node = answer_node_read(names, text, (size_t)size);
    ck_assert_ptr_nonnull(node);
    ck_assert_int_eq(node->ready, conditions[_i].ready);
    answer_node_free(node);
    names_free(names);
}
END_TEST

#define ITEM(name, uid)                                                                            \
    "{\"metadata\":{\"name\":\"" name "\"," uid "\"resourceVersion\":\"1\"},"                      \
    "\"status\":{\"nodeInfo\":{\"bootID\":\"b\"},\"conditions\":[{\"type\":\"Ready\","             \
    "\"status\":\"True\"}]}}"

START_TEST(nodes_are_listed_one_by_one)
{
    static const char text[] =
        "{\"kind\":\"NodeList\",\"metadata\":{\"resourceVersion\":\"9\","
        "\"continue\":\"\"},\"items\":[" ITEM("a", "\"uid\":\"1\",") "," ITEM(
            "no-uid", "") "," ITEM("b", "\"uid\":\"2\",") "]}";
    struct names *names = names_new("example.com");
    struct answer_nodes *nodes = answer_nodes_read(names, text, strlen(text));

    ck_assert_ptr_nonnull(nodes);
    ck_assert_uint_eq(nodes->count, 2);
    ck_assert_str_eq(nodes->nodes[0]->name, "a");
    ck_assert_str_eq(nodes->nodes[1]->name, "b");
    ck_assert_int_eq(nodes->nodes[1]->ready, READY_TRUE);
    ck_assert_ptr_null(nodes->token);
    answer_nodes_free(nodes);
    ck_assert_ptr_null(answer_nodes_read(names, text, strlen(text) - 1));
    names_free(names);
}
END_TEST

static const struct {
    const char *metadata;
    const char *token; /* NULL: the last page */
} pages[] = {
    { "\"continue\":\"a token\"", "a token" },
    { "\"continue\":\"\"", NULL },
    { "\"continue\":null", NULL },
    { "\"remainingItemCount\":3", NULL },
};

START_TEST(a_list_of_nodes_says_where_it_goes_on)
{
    struct names *names = names_new("example.com");
    char text[512];

    int size = snprintf(text, sizeof(text), "{\"metadata\":{%s},\"items\":[%s]}",
                        pages[_i].metadata, ITEM("a", "\"uid\":\"1\","));
    struct answer_nodes *nodes = answer_nodes_read(names, text, (size_t)size);
    ck_assert_ptr_nonnull(nodes);
    ck_assert_uint_eq(nodes->count, 1);
    ck_assert_pstr_eq(nodes->token, pages[_i].token);
    answer_nodes_free(nodes);
    names_free(names);
}
END_TEST

static const struct {
    const char *text;
    bool found;
} leases[] = {
    { "{\"spec\":{\"renewTime\":\"2026-11-23T06:00:00.000001Z\",\"leaseDurationSeconds\":40}}",
      true },
    { "{\"spec\":{\"leaseDurationSeconds\":40}}", false },
    { "{\"spec\":{\"renewTime\":\"2026-11-23T06:00:00.000001Z\"}}", false },
    { "{\"spec\":{\"renewTime\":\"\",\"leaseDurationSeconds\":40}}", false },
    { "{\"spec\":{\"renewTime\":\"2026-11-23T06:00:00.000001Z\",\"leaseDurationSeconds\":0}}",
      false },
    { "{\"spec\":{\"renewTime\":\"2026-11-23T06:00:00.0000010000000000000000000Z\","
      "\"leaseDurationSeconds\":40}}",
      false },
    { "not json", false },
};

START_TEST(a_lease_that_was_never_renewed_is_none)
{
    struct lease_reading reading = { .sent_us = 7 };

    ck_assert_int_eq(answer_lease_read(leases[_i].text, strlen(leases[_i].text), &reading),
                     leases[_i].found);
    ck_assert_int_eq(reading.found, leases[_i].found);
    ck_assert_uint_eq(reading.sent_us, 7);
    if (reading.found)
        ck_assert_uint_eq(reading.duration_us, 40000000);
}
END_TEST

static const char *const no_nodes[] = {
    "",
    "{}",
    "null",
    "not json",
    "{\"metadata\":{\"uid\":\"u\",\"resourceVersion\":\"1\"}}",
    "{\"metadata\":{\"uid\":\"u\"},\"status\":{\"nodeInfo\":{\"bootID\":\"b\"}}}",
    "{\"metadata\":{\"uid\":7,\"resourceVersion\":\"1\"},\"status\":{\"nodeInfo\":{\"bootID\":"
    "\"b\"}}}",
    "{\"metadata\":{\"uid\":\"u\",\"resourceVersion\":\"1\"},\"status\":{\"nodeInfo\":{\"bootID\":"
    "\"b\"}}",
};

START_TEST(what_is_no_whole_node_is_none)
{
    struct names *names = names_new("example.com");

    ck_assert_ptr_null(answer_node_read(names, no_nodes[_i], strlen(no_nodes[_i])));
    names_free(names);
}
END_TEST

static const char list_text[] =
    "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"815\",\"continue\":\"tok\"},"
    "\"items\":["
    "{\"metadata\":{\"namespace\":\"a\",\"name\":\"p1\",\"uid\":\"1\",\"ownerReferences\":["
    "{\"apiVersion\":\"v1\",\"kind\":\"Other\",\"name\":\"o\",\"uid\":\"x\"},"
    "{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\",\"name\":\"j\",\"uid\":\"ju\","
    "\"controller\":true}]},\"status\":{\"phase\":\"Running\",\"conditions\":["
    "{\"type\":\"Ready\",\"status\":\"True\"}]}},"
    "{\"metadata\":{\"namespace\":\"b\",\"name\":\"p2\",\"uid\":\"2\",\"annotations\":"
    "{\"kubernetes.io/config.mirror\":\"hash\"}},\"status\":{\"phase\":\"Succeeded\"}},"
    "{\"metadata\":{\"namespace\":\"b\",\"name\":\"p3\",\"uid\":\"3\"},\"status\":"
    "{\"phase\":\"Failed\",\"conditions\":[{\"type\":\"example.com/KernelPanic\"}]}}]}";

START_TEST(a_list_of_pods_is_read_however_it_is_cut)
{
    struct names *names = names_new("example.com");
    size_t cut = (size_t)_i * 37 % strlen(list_text);
    struct answer_pods *pods = answer_pods_new(names);

    ck_assert(answer_pods_feed(pods, list_text, cut));
    ck_assert(answer_pods_feed(pods, list_text + cut, strlen(list_text) - cut));
    ck_assert(answer_pods_end(pods));
    ck_assert_uint_eq(answer_pods_count(pods), 3);
    ck_assert_uint_eq(answer_pods_version(pods), 815);
    ck_assert_str_eq(answer_pods_continue(pods), "tok");

    const struct answer_pod *pod = answer_pods_at(pods, 0);
    ck_assert_str_eq(pod->namespace, "a");
    ck_assert_str_eq(pod->name, "p1");
    ck_assert_str_eq(pod->uid, "1");
    ck_assert_str_eq(pod->owner_kind, "Job");
    ck_assert_str_eq(pod->owner_name, "j");
    ck_assert_str_eq(pod->owner_uid, "ju");
    ck_assert_str_eq(pod->owner_api, "batch/v1");
    ck_assert(!pod->finished && !pod->ours && !pod->mirror);
    pod = answer_pods_at(pods, 1);
    ck_assert(pod->finished && !pod->ours && pod->mirror);
    ck_assert_ptr_null(pod->owner_kind);
    pod = answer_pods_at(pods, 2);
    ck_assert(pod->finished && pod->ours && !pod->mirror);
    answer_pods_free(pods);
    names_free(names);
}
END_TEST

static const char *const no_lists[] = {
    "",
    "{}",
    "{\"kind\":\"Status\",\"status\":\"Failure\"}",
    "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{\"metadata\":{\"name\":\"p\"}}]}",
    "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[",
};

START_TEST(what_is_no_whole_list_is_none)
{
    struct names *names = names_new("example.com");
    struct answer_pods *pods = answer_pods_new(names);
    const char *text = no_lists[_i];

    ck_assert(!answer_pods_feed(pods, text, strlen(text)) || !answer_pods_end(pods));
    answer_pods_free(pods);
    names_free(names);
}
END_TEST

START_TEST(a_written_objects_version_is_read)
{
    static const char pod[] = "{\"metadata\":{\"name\":\"p\",\"resourceVersion\":\"99\"}}";
    static const char status[] = "{\"kind\":\"Status\",\"metadata\":{}}";

    ck_assert_uint_eq(answer_version(pod, strlen(pod)), 99);
    ck_assert_uint_eq(answer_version(status, strlen(status)), 0);
    ck_assert_uint_eq(answer_version("x", 1), 0);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("answers");

    tcase_add_loop_test(tests, a_node_is_ready_when_it_says_so, 0,
                        sizeof(conditions) / sizeof(conditions[0]));
    tcase_add_test(tests, nodes_are_listed_one_by_one);
    tcase_add_loop_test(tests, a_list_of_nodes_says_where_it_goes_on, 0,
                        sizeof(pages) / sizeof(pages[0]));
    tcase_add_loop_test(tests, a_lease_that_was_never_renewed_is_none, 0,
                        sizeof(leases) / sizeof(leases[0]));
    tcase_add_test(tests, a_node_is_read_whole);
    tcase_add_loop_test(tests, what_is_no_whole_node_is_none, 0,
                        sizeof(no_nodes) / sizeof(no_nodes[0]));
    tcase_add_loop_test(tests, a_list_of_pods_is_read_however_it_is_cut, 0, 30);
    tcase_add_loop_test(tests, what_is_no_whole_list_is_none, 0,
                        sizeof(no_lists) / sizeof(no_lists[0]));
    tcase_add_test(tests, a_written_objects_version_is_read);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("actuator answers", fill);
}
