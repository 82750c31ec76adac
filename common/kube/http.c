#include "common/kube/internal.h"

#include "common/clock.h"
#include "common/memory.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * A client owns the multi handle that new calls go to, and those that were given up.
 *
 * libcurl 7.88 keeps a multiplexed connection after one of its streams timed out, and cannot be
 * told to close it: each retry would go to a peer that is silent.  So after a time-out or a broken
 * connection the client makes a new multi handle, which has no connection yet.  Calls that are
 * under way on the old one may still finish there, or time out; with the last of them it goes.
 * New certificates take the same way, for a connection was made with the old ones.
 *
 * A call ends in two steps: libcurl's result is taken after its action and the easy handle given
 * back; then, from an event of its own, the caller is told, one call a turn.  So `done` runs with
 * nothing of libcurl or of this interface on the stack, and may submit, cancel, or free the
 * client.
 */
#define ANSWER_US (8 * US_PER_SECOND)
#define LOOK_US   US_PER_MINUTE

static bool libcurl_can(char error[KUBE_ERROR_SIZE])
{
    const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
    if (curl->features & CURL_VERSION_HTTP2 && curl->features & CURL_VERSION_SSL)
        return true;
    snprintf(error, KUBE_ERROR_SIZE, "this libcurl (%s) was built without HTTP/2 or TLS",
             curl->version);
    return false;
}

/* The first easy handle is made at once, so that what libcurl lacks shows at the start. */
static bool try_one(struct kube_client *client, char error[KUBE_ERROR_SIZE])
{
    CURL *easy = easy_take(client->current);
    if (!easy) {
        snprintf(error, KUBE_ERROR_SIZE, "this libcurl (%s) lacks an option that is needed",
                 curl_version());
        return false;
    }
    easy_give_back(client->current, easy);
    return true;
}

struct kube_client *kube_client_new(struct event_base *base, const struct kube_config *config,
                                    enum kube_use use, char error[KUBE_ERROR_SIZE])
{
    struct kube_client *client = xcalloc(1, sizeof(*client));
    if (!credentials_open(&client->credentials, config, error)) {
        free(client);
        return NULL;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    client->base = base;
    client->use = use;
    client->config = config;
    client->answer_us = ANSWER_US;
    client->look_us = LOOK_US;
    target_make(&client->target, config->server, config->tls_server_name);
    if (client->target.connect_to)
        client->connect_to = curl_slist_append(NULL, client->target.connect_to);
    TAILQ_INIT(&client->under_way);
    TAILQ_INIT(&client->finished);
    LIST_INIT(&client->retired);
    client->deliver = calls_deliverer(client);
    client->current = multi_new(client);
    if (libcurl_can(error) && try_one(client, error))
        return client;
    kube_client_free(client);
    return NULL;
}

static void free_calls(struct calls *calls)
{
    while (!TAILQ_EMPTY(calls))
        kube_cancel(TAILQ_FIRST(calls));
}

void kube_client_free(struct kube_client *client)
{
    if (!client)
        return;
    free_calls(&client->under_way);
    free_calls(&client->finished);
    multi_free(client->current);
    event_free(client->deliver);
    curl_slist_free_all(client->connect_to);
    target_clear(&client->target);
    credentials_close(&client->credentials);
    free(client);
    curl_global_cleanup();
}

size_t kube_in_flight(const struct kube_client *client)
{
    return client->in_flight;
}

static void renew(struct kube_client *client)
{
    LIST_INSERT_HEAD(&client->retired, client->current, link);
    client->current = multi_new(client);
}

void client_settle(struct kube_client *client, struct kube_multi *multi, bool broken)
{
    if (broken && multi == client->current)
        renew(client);
    if (multi == client->current || multi->calls)
        return;
    LIST_REMOVE(multi, link);
    multi_free(multi);
}

void client_look(struct kube_client *client)
{
    if (credentials_look(&client->credentials))
        client_settle(client, client->current, true);
}
