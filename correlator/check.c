#include "correlator/correlator.h"

#include "common/json.h"
#include "common/kube/http.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>

struct check {
    bool done;
    bool fine;
};

static const struct json_pick_row rows[] = {
    { "kind" },
    { "items[]" },
    { "metadata.remainingItemCount" },
    { NULL },
};

struct found {
    bool is_list;
    uint64_t nodes;
};

static void on_row(void *arg, unsigned row, enum json_event event, const char *key,
                   const char *text, size_t size)
{
    (void)key;
    struct found *found = arg;
    uint64_t remaining = 0;
    if (row == 0)
        found->is_list = event == JSON_STRING && strcmp(text, "NodeList") == 0;
    else if (row == 1 && event == JSON_OBJECT)
        found->nodes++;
    else if (row == 2 && event == JSON_NUMBER && json_count(text, size, UINT32_MAX, &remaining))
        found->nodes += remaining;
}

static void on_done(void *arg, const struct kube_answer *answer)
{
    struct check *check = arg;
    struct found found = { 0 };
    char words[KUBE_ERROR_SIZE];
    check->done = true;
    if (answer->status != 200) {
        kube_describe("list", "nodes", answer, words, sizeof(words));
        fprintf(stderr, "%s\n", words);
    } else if (!json_pick_document(rows, on_row, &found, answer->body, answer->size) ||
               !found.is_list) {
        fprintf(stderr, "list nodes: the answer is no NodeList\n");
    } else {
        printf("%llu nodes\n", (unsigned long long)found.nodes);
        check->fine = true;
    }
}

bool correlator_check(struct event_base *base, const struct kube_config *kube)
{
    struct check check = { 0 };
    char error[KUBE_ERROR_SIZE];
    printf("API server %s, as %s says\n", kube->server, kube->origin);
    struct kube_client *client = kube_client_new(base, kube, KUBE_REQUESTS, error);
    if (client == NULL) {
        fprintf(stderr, "%s\n", error);
        return false;
    }
    kube_submit(client, &(struct kube_request){ .verb = "GET",
                                                .path = "/api/v1/nodes?limit=1",
                                                .done = on_done,
                                                .arg = &check });
    while (!check.done && event_base_loop(base, EVLOOP_ONCE) == 0)
        continue;
    kube_client_free(client);
    return check.fine;
}
