#include <event2/event.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "actuator/actuator.h"
#include "actuator/bodies.h"
#include "common/kube/http.h"
#include "common/log.h"

struct answered {
    struct event_base *base;
    struct bodies_call call;
    bool well;
};

static void on_answer(void *arg, const struct kube_answer *answer)
{
    struct answered *answered = arg;
    char message[KUBE_ERROR_SIZE];

    answered->well = answer->status == 200;
    if (!answered->well) {
        kube_describe(answered->call.verb, answered->call.resource, answer, message,
                      sizeof(message));
        log_error("%s", message);
    }
    event_base_loopbreak(answered->base);
}

/* One small read of what every actuator must be able to read. */
static bool api_answers(struct event_base *base, const struct kube_config *config)
{
    struct answered answered = { .base = base };
    char error[KUBE_ERROR_SIZE];
    struct kube_client *client = kube_client_new(base, config, KUBE_REQUESTS, error);

    if (!client) {
        log_error("%s", error);
        return false;
    }
    bodies_build_check(&answered.call);
    kube_submit(client, &(struct kube_request){ .verb = answered.call.verb,
                                                .path = answered.call.path,
                                                .done = on_answer,
                                                .arg = &answered });
    event_base_dispatch(base);
    kube_client_free(client);
    return answered.well;
}

bool actuator_check(struct event_base *base, const struct actuator_options *options)
{
    if (access(options->state, R_OK | W_OK | X_OK) != 0) {
        log_error("state directory %s: %s", options->state, strerror(errno));
        return false;
    }
    if (!api_answers(base, options->kube))
        return false;
    log_notice("checked: %s answers, %s can be written", options->kube->server, options->state);
    return true;
}
