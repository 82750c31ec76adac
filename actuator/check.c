#include <event2/event.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actuator/actuator.h"
#include "actuator/bodies.h"
#include "actuator/ledger_object.h"
#include "common/kube/http.h"
#include "common/log.h"
#include "common/memory.h"

struct check {
    struct event_base *base;
    struct kube_client *client;
    const char *resource; /* of the request under way, for messages */
    const char *verb;
    unsigned status;
    char *body;
};

static void on_answer(void *arg, const struct kube_answer *answer)
{
    struct check *check = arg;
    char message[KUBE_ERROR_SIZE];

    check->status = answer->status;
    if (answer->status == 200) {
        check->body = xstrndup(answer->body, answer->size);
    } else if (answer->status != 409) { /* somebody was faster: it could have been written */
        kube_describe(check->verb, check->resource, answer, message, sizeof(message));
        log_error("%s", message);
    }
    event_base_loopbreak(check->base);
}

/* Sends a request, which is logged when it fails, and waits for its answer.  BODY NULL: none. */
static void ask(struct check *check, const char *verb, const char *resource, const char *path,
                const char *body)
{
    check->verb = verb;
    check->resource = resource;
    free(check->body);
    check->body = NULL;
    kube_submit(check->client, &(struct kube_request){
                                   .verb = verb,
                                   .path = path,
                                   .content_type = body ? "application/json" : NULL,
                                   .body = body,
                                   .body_size = body ? strlen(body) : 0,
                                   .done = on_answer,
                                   .arg = check,
                               });
    event_base_dispatch(check->base);
}

/* One small read of what every actuator must be able to read. */
static bool api_answers(struct check *check)
{
    struct bodies_call call = { 0 };

    bodies_build_check(&call);
    ask(check, call.verb, call.resource, call.path, NULL);
    return check->status == 200;
}

/* Writes the ledger as it is, with dryRun, which needs the same right as a real write. */
static bool ledger_is_there(struct check *check)
{
    ask(check, "GET", LEDGER_NAME, LEDGER_PATH, NULL);
    if (check->status == 200) {
        char *body = check->body;
        check->body = NULL;
        ask(check, "PUT", LEDGER_NAME, LEDGER_PATH "?dryRun=All", body);
        free(body);
        if (check->status == 200 || check->status == 409)
            return true;
        log_error("the Lease lastgasp in the namespace lastgasp may not be updated: no node would "
                  "be touched (kubectl apply -f rbac.yaml)");
    } else if (check->status == 404) {
        log_error("there is no Lease lastgasp in the namespace lastgasp: no node would be touched "
                  "(kubectl apply -f ledger.yaml)");
    }
    return false;
}

bool actuator_check(struct event_base *base, const struct actuator_options *options)
{
    struct check check = { .base = base };
    char error[KUBE_ERROR_SIZE];

    if (access(options->state, R_OK | W_OK | X_OK) != 0) {
        log_error("state directory %s: %s", options->state, strerror(errno));
        return false;
    }
    check.client = kube_client_new(base, options->kube, KUBE_REQUESTS, error);
    if (!check.client) {
        log_error("%s", error);
        return false;
    }
    bool writes = options->mode > MODE_OBSERVE && options->dry == REMEDY_REAL;
    bool well = api_answers(&check) && (!writes || ledger_is_there(&check));
    kube_client_free(check.client);
    free(check.body);
    if (well)
        log_notice("checked: %s answers, %s can be written%s", options->kube->server,
                   options->state, writes ? ", the ledger can be updated" : "");
    return well;
}
