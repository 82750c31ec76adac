#include "actuator/bodies.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

#define TEXT "Kernel panic on node i-0abc: Fatal exception in interrupt"

static struct incident incident = {
    .id = (char *)"0123456789abcdef0123456789abcdef",
    .node = (char *)"i-0abc",
    .uid = (char *)"node-uid",
    .boot = (char *)"boot-1",
    .cause = CAUSE_KERNEL_PANIC,
    .reason_code = REASON_OOPS_IN_INTERRUPT,
    .reason = (char *)"Fatal exception in interrupt",
    .words = (char *)"nobody looked",
    .received_us = 1795414340123456, /* 2026-11-23T06:12:20.123456Z */
};

static const struct answer_taint taints[] = {
    { .key = "dedicated", .value = "gpu", .effect = "NoSchedule" },
    { .key = "node.kubernetes.io/unreachable",
      .effect = "NoExecute",
      .time_added = "2026-11-23T06:00:00Z" },
    { .key = "node.kubernetes.io/out-of-service", .value = "nodeshutdown", .effect = "NoExecute" },
};

static const struct remedy_owner job = { "team-a", "batch/v1", "Job", "train", "job-uid", 3 };

struct row {
    const char *name;
    enum remedy_dry dry;
    enum remedy_kind kind;
    struct answer_node node;
    struct remedy_pod pod;
    bool plain;
    struct remedy_event event;
    enum { NO_EVENT, OF_NODE, OF_POD, OF_JOB } of;
    uint64_t not_older_than;
    const char *continue_token;
    const char *verb, *path, *body;
};

#define NODE_PATH "/api/v1/nodes/i-0abc"
#define POD_PATH  "/api/v1/namespaces/team-a/pods/train-0"
#define LIST_PATH "/api/v1/pods?fieldSelector=spec.nodeName%3Di-0abc&limit=500"
#define EVENTS    "/apis/events.k8s.io/v1/namespaces/"
#define POD                                                                                        \
    {                                                                                              \
        .namespace = "team-a", .name = "train-0", .uid = "pod-uid"                                 \
    }
#define NODE .uid = "node-uid", .resource_version = "4711"

#define POD_ANNOTATIONS                                                                            \
    "\"annotations\":{\"pod.example.com/pod-termination-reason\":\"" TEXT "\","                    \
    "\"pod.example.com/pod-termination-reason-code\":\"kernel-panic\","                            \
    "\"pod.example.com/pod-termination-reason-detail\":\"oops-in-interrupt\","                     \
    "\"pod.example.com/pod-termination-by-caller\":\"lastgasp\"}"
#define CONDITION(type, status)                                                                    \
    "{\"type\":\"" type "\",\"status\":\"" status "\",\"reason\":\"NodeKernelPanic\","             \
    "\"message\":\"" TEXT "\",\"lastTransitionTime\":\"2026-11-23T06:12:20Z\"}"
#define FAILED                                                                                     \
    "\"status\":{\"phase\":\"Failed\",\"reason\":\"NodeKernelPanic\",\"message\":\"" TEXT "\","    \
    "\"conditions\":[" CONDITION("DisruptionTarget",                                               \
                                 "True") "," CONDITION("example.com/KernelPanic", "True") "]}"
#define MARKED(set)                                                                                \
    "{\"metadata\":{\"uid\":\"node-uid\",\"resourceVersion\":\"4711\",\"labels\":{"                \
    "\"node.example.com/lastgasp-set\":\"true\"},\"annotations\":{"                                \
    "\"node.example.com/node-termination-reason\":\"" TEXT "\","                                   \
    "\"node.example.com/node-termination-by-caller\":\"lastgasp\","                                \
    "\"node.example.com/lastgasp-set\":\"" set "\"}},\"spec\":{\"unschedulable\":true}}"
#define EVENT_BEGIN(hash, namespace)                                                               \
    "{\"apiVersion\":\"events.k8s.io/v1\",\"kind\":\"Event\",\"metadata\":{\"name\":"              \
    "\"lastgasp." hash                                                                             \
    "\",\"namespace\":\"" namespace "\"},"                                                         \
                                    "\"eventTime\":\"2026-11-23T06:12:20.123456Z\","               \
                                    "\"reportingController\":\"lastgasp\","                        \
                                    "\"reportingInstance\":\"host-1\",\"action\":\"Remedy\","      \
                                    "\"reason\":\"NodeKernelPanic\","                              \
                                    "\"type\":\"Warning\","
#define THE_NODE                                                                                   \
    "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"name\":\"i-0abc\",\"uid\":\"node-uid\"}"

static const struct row rows[] = {
    {
        .name = "read node",
        .kind = REMEDY_READ_NODE,
        .verb = "GET",
        .path = NODE_PATH,
    },
    { .name = "mark node",
      .kind = REMEDY_MARK_NODE,
      .node = { NODE },
      .verb = "PATCH",
      .path = NODE_PATH "?fieldManager=lastgasp",
      .body = MARKED("boot=boot-1,annotations,label,unschedulable") },
    { .name = "a cordon of somebody else's is not listed as ours",
      .kind = REMEDY_MARK_NODE,
      .dry = REMEDY_DRY_SERVER,
      .node = { NODE, .unschedulable = true },
      .verb = "PATCH",
      .path = NODE_PATH "?fieldManager=lastgasp&dryRun=All",
      .body = MARKED("boot=boot-1,annotations,label") },
    { .name = "a cordon and a taint of an earlier attempt stay listed",
      .kind = REMEDY_MARK_NODE,
      .node = { NODE, .unschedulable = true,
                .set = "boot=x,annotations,unschedulable,out-of-service" },
      .verb = "PATCH",
      .path = NODE_PATH "?fieldManager=lastgasp",
      .body = MARKED("boot=boot-1,annotations,label,unschedulable,out-of-service") },
    { .name = "the taints of others go along",
      .kind = REMEDY_TAINT_NODE,
      .node = { NODE, .unschedulable = true, .set = "boot=boot-1,annotations,label,unschedulable",
                .taint_count = 2, .taints = (struct answer_taint *)taints },
      .verb = "PATCH",
      .path = NODE_PATH "?fieldManager=lastgasp",
      .body =
          "{\"metadata\":{\"uid\":\"node-uid\",\"resourceVersion\":\"4711\",\"annotations\":"
          "{\"node.example.com/lastgasp-set\":"
          "\"boot=boot-1,annotations,label,unschedulable,out-of-service\"}},\"spec\":{\"taints\":["
          "{\"key\":\"dedicated\",\"value\":\"gpu\",\"effect\":\"NoSchedule\"},"
          "{\"key\":\"node.kubernetes.io/unreachable\",\"effect\":\"NoExecute\","
          "\"timeAdded\":\"2026-11-23T06:00:00Z\"},"
          "{\"key\":\"node.kubernetes.io/out-of-service\",\"value\":\"nodeshutdown\","
          "\"effect\":\"NoExecute\"}]}}" },
    { .name = "clear a node: what is listed, and no more",
      .kind = REMEDY_CLEAR_NODE,
      .node = { NODE, .unschedulable = true, .set = "boot=x,annotations,label,unschedulable",
                .taint_count = 2, .taints = (struct answer_taint *)taints },
      .verb = "PATCH",
      .path = NODE_PATH "?fieldManager=lastgasp",
      .body = "{\"metadata\":{\"uid\":\"node-uid\",\"resourceVersion\":\"4711\",\"labels\":{"
              "\"node.example.com/lastgasp-set\":null},\"annotations\":{"
              "\"node.example.com/node-termination-reason\":null,"
              "\"node.example.com/node-termination-by-caller\":null,"
              "\"node.example.com/lastgasp-set\":null}},\"spec\":{\"unschedulable\":null}}" },
    { .name = "a cordon of somebody else's stays, the taints of others too",
      .kind = REMEDY_CLEAR_NODE,
      .node = { NODE, .unschedulable = true, .set = "boot=x,annotations,out-of-service",
                .taint_count = 3, .taints = (struct answer_taint *)taints },
      .verb = "PATCH",
      .path = NODE_PATH "?fieldManager=lastgasp",
      .body = "{\"metadata\":{\"uid\":\"node-uid\",\"resourceVersion\":\"4711\",\"annotations\":{"
              "\"node.example.com/node-termination-reason\":null,"
              "\"node.example.com/node-termination-by-caller\":null,"
              "\"node.example.com/lastgasp-set\":null}},\"spec\":{\"taints\":["
              "{\"key\":\"dedicated\",\"value\":\"gpu\",\"effect\":\"NoSchedule\"},"
              "{\"key\":\"node.kubernetes.io/unreachable\",\"effect\":\"NoExecute\","
              "\"timeAdded\":\"2026-11-23T06:00:00Z\"}]}}" },
    { .name = "read the Lease",
      .kind = REMEDY_READ_LEASE,
      .verb = "GET",
      .path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/i-0abc" },
    { .name = "delete node",
      .kind = REMEDY_DELETE_NODE,
      .node = { NODE },
      .verb = "DELETE",
      .path = NODE_PATH,
      .body = "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\",\"preconditions\":"
              "{\"uid\":\"node-uid\",\"resourceVersion\":\"4711\"}}" },
    { .name = "a dry DELETE says so in its body",
      .kind = REMEDY_DELETE_NODE,
      .dry = REMEDY_DRY_SERVER,
      .node = { NODE },
      .verb = "DELETE",
      .path = NODE_PATH,
      .body = "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\",\"preconditions\":"
              "{\"uid\":\"node-uid\",\"resourceVersion\":\"4711\"},\"dryRun\":[\"All\"]}" },
    {
        .name = "first list",
        .kind = REMEDY_LIST_PODS,
        .verb = "GET",
        .path = LIST_PATH "&resourceVersion=0",
    },
    {
        .name = "later list",
        .kind = REMEDY_LIST_PODS,
        .not_older_than = 815,
        .verb = "GET",
        .path = LIST_PATH "&resourceVersion=815&resourceVersionMatch=NotOlderThan",
    },
    {
        .name = "next page",
        .kind = REMEDY_LIST_PODS,
        .not_older_than = 815,
        .continue_token = "a/b=",
        .verb = "GET",
        .path = LIST_PATH "&continue=a%2Fb%3D",
    },
    { .name = "mark a pod that is removed",
      .kind = REMEDY_MARK_POD,
      .pod = POD,
      .verb = "PATCH",
      .path = POD_PATH "/status?fieldManager=lastgasp",
      .body = "{\"metadata\":{\"uid\":\"pod-uid\"," POD_ANNOTATIONS "}," FAILED "}" },
    { .name = "without the annotations that were refused",
      .kind = REMEDY_MARK_POD,
      .dry = REMEDY_DRY_SERVER,
      .pod = POD,
      .plain = true,
      .verb = "PATCH",
      .path = POD_PATH "/status?fieldManager=lastgasp&dryRun=All",
      .body = "{\"metadata\":{\"uid\":\"pod-uid\"}," FAILED "}" },
    { .name = "mark a DaemonSet's pod",
      .kind = REMEDY_MARK_POD,
      .pod = { .namespace = "team-a",
               .name = "train-0",
               .uid = "pod-uid",
               .mark = REMEDY_MARK_DAEMON },
      .verb = "PATCH",
      .path = POD_PATH "/status?fieldManager=lastgasp",
      .body = "{\"metadata\":{\"uid\":\"pod-uid\"," POD_ANNOTATIONS
              "},\"status\":{\"conditions\":[" CONDITION("Ready", "False") "]}}" },
    { .name = "only tell a pod",
      .kind = REMEDY_MARK_POD,
      .pod = { .namespace = "team-a",
               .name = "train-0",
               .uid = "pod-uid",
               .mark = REMEDY_MARK_TELL },
      .verb = "PATCH",
      .path = POD_PATH "/status?fieldManager=lastgasp",
      .body = "{\"metadata\":{\"uid\":\"pod-uid\"," POD_ANNOTATIONS "}}" },
    { .name = "delete pod",
      .kind = REMEDY_DELETE_POD,
      .pod = POD,
      .verb = "DELETE",
      .path = POD_PATH,
      .body = "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\",\"gracePeriodSeconds\":0,"
              "\"preconditions\":{\"uid\":\"pod-uid\"}}" },
    { .name = "dry delete of a pod",
      .kind = REMEDY_DELETE_POD,
      .dry = REMEDY_DRY_SERVER,
      .pod = POD,
      .verb = "DELETE",
      .path = POD_PATH,
      .body = "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\",\"gracePeriodSeconds\":0,"
              "\"preconditions\":{\"uid\":\"pod-uid\"},\"dryRun\":[\"All\"]}" },
    { .name = "Event on the Node",
      .kind = REMEDY_EVENT,
      .of = OF_NODE,
      .event = { .more = "the node has rebooted since" },
      .verb = "POST",
      .path = EVENTS "default/events?fieldManager=lastgasp",
      .body = EVENT_BEGIN("@", "default") "\"regarding\":" THE_NODE ",\"note\":\"" TEXT
                                          "; the node has rebooted since (nobody looked)\"}" },
    { .name = "Event on a pod",
      .kind = REMEDY_EVENT,
      .of = OF_POD,
      .pod = POD,
      .verb = "POST",
      .path = EVENTS "team-a/events?fieldManager=lastgasp",
      .body =
          EVENT_BEGIN("@", "team-a") "\"regarding\":{\"apiVersion\":\"v1\",\"kind\":\"Pod\","
                                     "\"namespace\":\"team-a\",\"name\":\"train-0\",\"uid\":\"pod-"
                                     "uid\"},\"related\":" THE_NODE ",\"note\":\"" TEXT "\"}" },
    { .name = "Event on an owner",
      .kind = REMEDY_EVENT,
      .dry = REMEDY_DRY_SERVER,
      .of = OF_JOB,
      .verb = "POST",
      .path = EVENTS "team-a/events?fieldManager=lastgasp&dryRun=All",
      .body = EVENT_BEGIN("@", "team-a") "\"regarding\":{\"apiVersion\":\"batch/v1\","
                                         "\"kind\":\"Job\",\"namespace\":\"team-a\",\"name\":"
                                         "\"train\",\"uid\":\"job-uid\"},"
                                         "\"related\":" THE_NODE
                                         ",\"note\":\"3 pods died with node i-0abc: kernel panic: "
                                         "Fatal exception in interrupt\"}" },
};

struct fixture {
    struct names *names;
    struct json_writer *writer;
    struct bodies *bodies;
    struct bodies_call call;
};

static struct fixture build(const struct row *row)
{
    struct fixture fixture = { .names = names_new("example.com"), .writer = json_writer_new() };
    struct remedy_event event = row->event;
    struct remedy_request request = {
        .kind = row->kind,
        .node = &row->node,
        .pod = &row->pod,
        .plain = row->plain,
        .event = &event,
        .not_older_than = row->not_older_than,
        .continue_token = row->continue_token,
    };

    event.pod = row->of == OF_POD ? &row->pod : NULL;
    event.owner = row->of == OF_JOB ? &job : NULL;
    fixture.bodies = bodies_new(&incident, fixture.names, row->dry, "host-1", fixture.writer);
    bodies_build(fixture.bodies, &request, &fixture.call);
    return fixture;
}

static void end(struct fixture *fixture)
{
    bodies_free(fixture->bodies);
    json_writer_free(fixture->writer);
    names_free(fixture->names);
}

/* IS like SHOULD, in which '@' stands for 32 hexadecimal digits. */
static bool is_like(const char *is, const char *should)
{
    for (; *should; should++) {
        if (*should != '@') {
            if (*is++ != *should)
                return false;
            continue;
        }
        if (strspn(is, "0123456789abcdef") != 32)
            return false;
        is += 32;
    }
    return *is == '\0';
}

static const char *type_of(const struct row *row)
{
    if (strcmp(row->verb, "GET") == 0)
        return NULL;
    return strcmp(row->verb, "PATCH") == 0 ? "application/strategic-merge-patch+json"
                                           : "application/json";
}

static const char *resource_of(const struct row *row)
{
    if (row->kind == REMEDY_LIST_PODS)
        return "pods of node i-0abc";
    if (row->kind == REMEDY_READ_LEASE)
        return "leases kube-node-lease/i-0abc";
    if (row->kind == REMEDY_MARK_POD || row->kind == REMEDY_DELETE_POD)
        return "pods team-a/train-0";
    if (row->kind == REMEDY_EVENT)
        return row->of == OF_NODE ? "events default" : "events team-a";
    return "nodes i-0abc";
}

START_TEST(each_request_has_this_body)
{
    const struct row *row = &rows[_i];
    struct fixture fixture = build(row);
    const struct bodies_call *call = &fixture.call;

    ck_assert_str_eq(call->verb, row->verb);
    ck_assert_str_eq(call->path, row->path);
    ck_assert_str_eq(call->resource, resource_of(row));
    ck_assert_pstr_eq(call->content_type, type_of(row));
    ck_assert_uint_eq(call->writes, strcmp(row->verb, "GET") != 0);
    if (row->body) {
        ck_assert_msg(is_like(call->body, row->body), "%s:\n%s\ninstead of\n%s", row->name,
                      call->body, row->body);
        ck_assert_uint_eq(call->size, strlen(call->body));
    } else {
        ck_assert_ptr_null(call->body);
    }
    end(&fixture);
}
END_TEST

static const char *event_name(struct fixture *fixture, char name[64])
{
    const char *at = strstr(fixture->call.body, "\"name\":\"");

    ck_assert_ptr_nonnull(at);
    sscanf(at, "\"name\":\"%63[^\"]", name);
    return name;
}

START_TEST(an_event_has_one_name_however_often_it_is_sent)
{
    const struct row *of_node = NULL, *of_pod = NULL;
    char first[64], again[64], other[64];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        of_node = rows[i].of == OF_NODE ? &rows[i] : of_node;
        of_pod = rows[i].of == OF_POD ? &rows[i] : of_pod;
    }
    struct fixture a = build(of_node), b = build(of_node), c = build(of_pod);
    ck_assert_str_eq(event_name(&a, first), event_name(&b, again));
    ck_assert_str_ne(first, event_name(&c, other));
    end(&a);
    end(&b);
    end(&c);
}
END_TEST

START_TEST(text_from_a_datagram_is_made_printable_and_short)
{
    struct incident hostile = incident;
    char reason[3000];

    memset(reason, 'x', sizeof(reason) - 1);
    memcpy(reason, "\x1b[31m\x01\xff\"}", 9);
    reason[sizeof(reason) - 1] = '\0';
    hostile.reason = reason;
    struct names *names = names_new("example.com");
    struct json_writer *writer = json_writer_new();
    struct bodies *bodies = bodies_new(&hostile, names, REMEDY_REAL, "host-1", writer);

    ck_assert_str_eq(incident.reason, "Fatal exception in interrupt");
    ck_assert_ptr_nonnull(strstr(bodies_text(bodies), "?[31m??\"}xxx"));
    ck_assert_uint_le(strlen(bodies_text(bodies)), 1024);

    struct remedy_request request = { .kind = REMEDY_EVENT,
                                      .event = &(struct remedy_event){ .owner = &job } };
    struct bodies_call call;
    bodies_build(bodies, &request, &call);
    ck_assert_ptr_null(json_text_flaw(call.body, call.size));
    ck_assert_uint_le(call.size, 2048);
    bodies_free(bodies);
    json_writer_free(writer);
    names_free(names);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("bodies");

    tcase_add_loop_test(tests, each_request_has_this_body, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tests, an_event_has_one_name_however_often_it_is_sent);
    tcase_add_test(tests, text_from_a_datagram_is_made_printable_and_short);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("actuator bodies", fill);
}
