#include "tests/unit/unit.h"

#include "common/clock.h"
#include "common/text.h"
#include "correlator/nodeparse.h"

#include <stdio.h>
#include <string.h>

#define ANNOTATION "node.example.org/netconsole-source"

static char seen[4096];

static size_t used;
#define note(...) text_append(seen, sizeof(seen), &used, __VA_ARGS__)

/* "put a uid=u boot=b v=5 10.0.0.1/InternalIP odd; " */
static void on_event(void *arg, const struct nodeparse_event *event)
{
    static const char *const names[] = { "put", "gone", "bookmark", "error", "unusable" };
    char text[ADDRESS_TEXT_SIZE];
    (void)arg;
    note("%s", names[event->kind]);
    if (event->kind == NODEPARSE_ERROR)
        note(" %u %s %llu s", event->code, event->message,
             (unsigned long long)(event->retry_after_us / US_PER_SECOND));
    if (event->kind == NODEPARSE_PUT || event->kind == NODEPARSE_GONE)
        note(" %s uid=%s boot=%s", event->node->node.name, event->node->node.uid,
             event->node->node.boot);
    if (event->kind == NODEPARSE_PUT && event->node->kubelet_port != 0)
        note(" port=%u", event->node->kubelet_port);
    if (event->kind == NODEPARSE_PUT && event->node->zone != 0)
        note(" zone=%s", event->node->zone == node_zone("z1") ? "z1" : "?");
    for (size_t i = 0; event->kind == NODEPARSE_PUT && i < event->node->claim_count; i++)
        note(" %s/%s", address_print(&event->node->claims[i].address, text),
             node_rank_names[event->node->claims[i].rank]);
    note("%s%s%s%s; ", event->version[0] ? " v=" : "", event->version,
         event->initial_end ? " end" : "", event->odd ? " odd" : "");
}

/* Fed whole and byte by byte: both must come to the same. */
static const char *parse(enum nodeparse_form form, const char *input)
{
    char whole[sizeof(seen)];
    for (int bytewise = 0; bytewise < 2; bytewise++) {
        struct nodeparse *parser = nodeparse_new(form, ANNOTATION, on_event, NULL);
        bool fine = true;
        seen[0] = '\0';
        used = 0;
        if (bytewise) {
            for (const char *at = input; *at != '\0' && fine; at++)
                fine = nodeparse_feed(parser, at, 1);
        } else {
            fine = nodeparse_feed(parser, input, strlen(input));
        }
        if (!fine || !nodeparse_end(parser)) {
            ck_assert_str_ne(nodeparse_error(parser), "");
            note("broken");
        }
        if (form == NODEPARSE_LIST)
            note("list v=%s next=%s", nodeparse_list_version(parser),
                 nodeparse_list_continue(parser));
        nodeparse_free(parser);
        if (bytewise)
            ck_assert_str_eq(seen, whole);
        strcpy(whole, seen);
    }
    return seen;
}

#define EVENT(type, metadata, status)                                                              \
    "{\"type\":\"" type "\",\"object\":{\"kind\":\"Node\",\"metadata\":{" metadata "},"            \
    "\"spec\":{\"podCIDR\":\"10.9.0.0/24\"},\"status\":{" status "}}}\n"
#define META           "\"name\":\"a\",\"uid\":\"u\",\"resourceVersion\":\"5\""
#define BOOTED         "\"nodeInfo\":{\"bootID\":\"b\"}"
#define HAS(list)      "\"addresses\":[" list "]," BOOTED
#define INTERNAL(text) "{\"type\":\"InternalIP\",\"address\":\"" text "\"}"
#define EXTERNAL(text) "{\"type\":\"ExternalIP\",\"address\":\"" text "\"}"
#define ANNOTATED(value)                                                                           \
    META ",\"annotations\":{\"other\":\"10.0.0.9\",\"" ANNOTATION "\":" value "}"
#define ZONE          "topology.kubernetes.io/zone"
#define KUBELET(port) "\"daemonEndpoints\":{\"kubeletEndpoint\":{\"Port\":" port "}}"
#define LONG_64       "0123456789012345678901234567890123456789012345678901234567890123"

static const struct {
    const char *input, *expected;
} streams[] = {
    { EVENT("ADDED", META, HAS(INTERNAL("10.0.0.1") "," EXTERNAL("192.0.2.1"))),
      "put a uid=u boot=b 10.0.0.1/InternalIP 192.0.2.1/ExternalIP v=5; " },
    { EVENT("MODIFIED", META,
            HAS(INTERNAL("2001:db8::1") ",{\"type\":\"Hostname\",\"address\":\"a\"}"
                                        ",{\"type\":\"InternalDNS\",\"address\":\"a.internal\"}")),
      "put a uid=u boot=b 2001:db8::1/InternalIP v=5; " },
    { EVENT("DELETED", META, HAS(INTERNAL("10.0.0.1"))), "gone a uid=u boot=b v=5; " },
    { EVENT("BOOKMARK", "\"resourceVersion\":\"77\"", ""), "bookmark v=77; " },
    { EVENT("BOOKMARK",
            "\"resourceVersion\":\"77\",\"annotations\":"
            "{\"k8s.io/initial-events-end\":\"true\"}",
            ""),
      "bookmark v=77 end; " },
    /* the annotation: better than nothing, less than an address of the status */
    { EVENT("ADDED", ANNOTATED("\"10.0.0.2\""), HAS(INTERNAL("10.0.0.1"))),
      "put a uid=u boot=b 10.0.0.2/annotation 10.0.0.1/InternalIP v=5; " },
    { EVENT("ADDED", ANNOTATED("\"10.0.0.1\""), HAS(INTERNAL("10.0.0.1"))),
      "put a uid=u boot=b 10.0.0.1/InternalIP v=5; " },
    { EVENT("ADDED", ANNOTATED("\"10.0.0.1:6666\""), BOOTED), "put a uid=u boot=b v=5 odd; " },
    { EVENT("ADDED", ANNOTATED("7"), BOOTED), "put a uid=u boot=b v=5 odd; " },
    /* nothing of one Node is left to the next */
    { EVENT("ADDED", ANNOTATED("\"10.0.0.2\""), HAS(INTERNAL("10.0.0.1")))
          EVENT("ADDED", "\"name\":\"c\",\"uid\":\"w\"", ""),
      "put a uid=u boot=b 10.0.0.2/annotation 10.0.0.1/InternalIP v=5; put c uid=w boot=; " },
    { EVENT("ADDED", META, HAS(INTERNAL("10.0.0.1") ",{\"address\":\"10.0.0.2\"}")),
      "put a uid=u boot=b 10.0.0.1/InternalIP v=5; " },
    /* the kubelet's port and the zone, and that nothing of them is left to the next */
    { EVENT("ADDED", META ",\"labels\":{\"a\":\"b\",\"" ZONE "\":\"z1\"}",
            BOOTED "," KUBELET("10255")) EVENT("ADDED", META, BOOTED),
      "put a uid=u boot=b port=10255 zone=z1 v=5; put a uid=u boot=b v=5; " },
    { EVENT("ADDED", META ",\"labels\":{\"" ZONE "\":7}", BOOTED "," KUBELET("65536")),
      "put a uid=u boot=b v=5 odd; " },
    { EVENT("ADDED", META ",\"labels\":null", BOOTED "," KUBELET("\"10250\"")),
      "put a uid=u boot=b v=5 odd; " },
    /* odd Nodes: what can be kept is kept */
    { EVENT("ADDED", META, HAS(INTERNAL("10.0.0.1") "," INTERNAL("10.0.0.256"))),
      "put a uid=u boot=b 10.0.0.1/InternalIP v=5 odd; " },
    { EVENT("ADDED", META, HAS("{\"type\":\"InternalIP\"}")), "put a uid=u boot=b v=5 odd; " },
    { EVENT("ADDED", META, HAS("{\"type\":\"InternalIP\",\"address\":null}")),
      "put a uid=u boot=b v=5 odd; " },
    { EVENT("ADDED", META, HAS("null,7,[]," INTERNAL("10.0.0.1"))),
      "put a uid=u boot=b 10.0.0.1/InternalIP v=5; " },
    { EVENT("ADDED", META, "\"addresses\":null"), "put a uid=u boot= v=5; " },
    { EVENT("ADDED", META, "\"addresses\":\"10.0.0.1\""), "put a uid=u boot= v=5; " },
    { EVENT("ADDED", META, "\"nodeInfo\":{\"bootID\":\"" LONG_64 "\"}"),
      "put a uid=u boot= v=5 odd; " },
    { EVENT("ADDED", "\"name\":\"a\",\"uid\":\"" LONG_64 "\"", ""), "unusable odd; " },
    { EVENT("ADDED", "\"name\":\"a\"", BOOTED), "unusable; " },
    { EVENT("ADDED", "\"uid\":\"u\"", BOOTED), "unusable; " },
    { EVENT("ADDED", "\"name\":{\"a\":1},\"uid\":\"u\"", BOOTED), "unusable odd; " },
    { EVENT("DELETED", "\"uid\":\"u\"", BOOTED), "unusable; " },
    { EVENT("RENAMED", META, BOOTED), "unusable v=5; " },
    { EVENT("A TYPE THAT IS TOO LONG", META, BOOTED), "unusable v=5; " },
    { "{\"object\":{\"metadata\":{" META "}}}", "unusable v=5; " },
    /* a type is that of its own event only */
    { EVENT("DELETED", META, BOOTED) "{\"object\":{\"metadata\":{" META "}}}",
      "gone a uid=u boot=b v=5; unusable v=5; " },
    { "{\"type\":\"ADDED\",\"object\":null}{\"type\":\"ADDED\"}{}", "" },
    /* errors */
    { "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"metadata\":{},\"code\":410,"
      "\"reason\":\"Expired\",\"message\":\"too old resource version\"}}",
      "error 410 too old resource version 0 s; " },
    { "{\"type\":\"ERROR\",\"object\":{\"code\":429,\"message\":\"later\","
      "\"details\":{\"retryAfterSeconds\":7}}}",
      "error 429 later 7 s; " },
    { "{\"type\":\"ERROR\",\"object\":{\"code\":-1,\"message\":5,"
      "\"details\":{\"retryAfterSeconds\":1e99}}}",
      "error 0  0 s; " },
    /* not a stream of events */
    { "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":", "broken" },
    { EVENT("ADDED", "\"name\":\"c\",\"uid\":\"w\"", "") "<html>", "put c uid=w boot=; broken" },
};

START_TEST(a_stream_is_read)
{
    ck_assert_str_eq(parse(NODEPARSE_STREAM, streams[_i].input), streams[_i].expected);
}
END_TEST

#define ITEM(name, address)                                                                        \
    "{\"metadata\":{\"name\":\"" name "\",\"uid\":\"u\",\"resourceVersion\":\"5\"},"               \
    "\"status\":{" HAS(INTERNAL(address)) ",\"images\":[{\"names\":[\"x\"],\"sizeBytes\":7}]}}"

static const struct {
    const char *input, *expected;
} lists[] = {
    { "{\"kind\":\"NodeList\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[]}",
      "list v=9 next=" },
    { "{\"metadata\":{\"resourceVersion\":\"9\",\"continue\":\"abc==\",\"remainingItemCount\":3},"
      "\"items\":[" ITEM("a", "10.0.0.1") "," ITEM("b", "10.0.0.2") "]}",
      "put a uid=u boot=b 10.0.0.1/InternalIP v=5; put b uid=u boot=b 10.0.0.2/InternalIP v=5; "
      "list v=9 next=abc==" },
    { "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":null}", "list v=9 next=" },
    { "{\"items\":[null,{}," ITEM("a", "10.0.0.1") "],\"type\":\"DELETED\"}",
      "unusable; put a uid=u boot=b 10.0.0.1/InternalIP v=5; list v= next=" },
    { "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[" ITEM("a", "10.0.0.1") ",",
      "put a uid=u boot=b 10.0.0.1/InternalIP v=5; brokenlist v=9 next=" },
};

START_TEST(a_page_of_a_list_is_read)
{
    ck_assert_str_eq(parse(NODEPARSE_LIST, lists[_i].input), lists[_i].expected);
}
END_TEST

START_TEST(more_addresses_than_there_is_room_for_are_left_out)
{
    char input[8192];
    int size = snprintf(input, sizeof(input),
                        "{\"type\":\"ADDED\",\"object\":{\"metadata\":{" META
                        "},\"status\":{\"addresses\":[");
    for (int i = 0; i <= NODE_CLAIMS_MAX; i++)
        size += snprintf(input + size, sizeof(input) - (size_t)size, "%s" INTERNAL("10.0.0.%d"),
                         i ? "," : "", i);
    snprintf(input + size, sizeof(input) - (size_t)size, "]}}}");
    const char *result = parse(NODEPARSE_STREAM, input);
    ck_assert_ptr_nonnull(strstr(result, "10.0.0.31/InternalIP v=5 odd; "));
}
END_TEST

static void fill(Suite *suite)
{
    TCase *cases = tcase_create("nodeparse");
    tcase_add_loop_test(cases, a_stream_is_read, 0, sizeof(streams) / sizeof(streams[0]));
    tcase_add_loop_test(cases, a_page_of_a_list_is_read, 0, sizeof(lists) / sizeof(lists[0]));
    tcase_add_test(cases, more_addresses_than_there_is_room_for_are_left_out);
    suite_add_tcase(suite, cases);
}

int main(void)
{
    return unit_run("nodeparse", fill);
}
