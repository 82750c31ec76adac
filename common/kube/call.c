#include "common/kube/internal.h"

#include "common/clock.h"
#include "common/kube/status.h"
#include "common/memory.h"
#include "common/text.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX        (4 * 1024 * 1024)
#define RETRY_AFTER_MAX_S 86400

/* A call's life: kube_submit, receive (libcurl's callbacks), finish, deliver. */
struct kube_call {
    struct kube_client *client;
    struct kube_multi *multi; /* NULL once it is finished */
    CURL *easy;
    struct curl_slist *headers;
    struct event *late; /* of a stream: it has not begun in time */
    bool (*bytes)(void *arg, const char *bytes, size_t size);
    bool (*may_leave)(void *arg);
    void (*done)(void *arg, const struct kube_answer *answer);
    void *arg;
    uint64_t answer_us;
    size_t answer_max;
    char *body;
    size_t size, cap;
    CURLcode result;
    unsigned status;
    uint64_t retry_after_us;
    const char *ended; /* why we ended it ourselves */
    char words[CURL_ERROR_SIZE];
    TAILQ_ENTRY(kube_call) link;
};

static bool is_success(unsigned status)
{
    return status >= 200 && status <= 299;
}

static unsigned status_of(CURL *easy)
{
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return (unsigned)status;
}

/* Receiving. */

static void append(struct kube_call *call, const char *bytes, size_t size)
{
    if (call->size + size + 1 > call->cap) {
        call->cap = 2 * call->cap + size + 1;
        call->body = xrealloc(call->body, call->cap);
    }
    memcpy(call->body + call->size, bytes, size);
    call->size += size;
    call->body[call->size] = '\0';
}

static size_t on_bytes(char *bytes, size_t one, size_t size, void *arg)
{
    (void)one;
    struct kube_call *call = arg;
    if (call->bytes && is_success(status_of(call->easy))) {
        call->multi->streamed += size;
        if (call->bytes(call->arg, bytes, size))
            return size;
        call->ended = "ended by its reader";
        return CURL_WRITEFUNC_ERROR;
    }
    if (size > call->answer_max - call->size) {
        call->ended = "the answer is larger than its limit";
        return CURL_WRITEFUNC_ERROR;
    }
    append(call, bytes, size);
    return size;
}

static size_t on_header(char *line, size_t one, size_t size, void *arg)
{
    (void)line;
    (void)one;
    struct kube_call *call = arg;
    if (is_success(status_of(call->easy)))
        evtimer_del(call->late);
    return size;
}

/* Finishing. */

static void detach(struct kube_call *call)
{
    struct kube_multi *multi = call->multi;
    if (call->easy) {
        curl_multi_remove_handle(multi->curl, call->easy);
        easy_give_back(multi, call->easy);
    }
    call->easy = NULL;
    multi->calls--;
    call->multi = NULL;
    if (call->late)
        event_free(call->late);
    call->late = NULL;
}

/* What broke, for people: ours, or libcurl's words with the file that they are about.  (Its words
 * for a call that waited for another's handshake are about a name that it could not resolve.) */
static void put_words(struct kube_call *call)
{
    const struct kube_client *client = call->client;
    char all[KUBE_ERROR_SIZE];
    size_t used = 0;
    if (call->result == CURLE_SSL_CERTPROBLEM)
        text_append(all, sizeof(all), &used,
                    "client-certificate or client-key of %s: ", client->config->origin);
    else if (call->result == CURLE_SSL_CACERT_BADFILE)
        text_append(all, sizeof(all), &used,
                    "certificate-authority of %s: ", client->config->origin);
    if (call->ended)
        text_append(all, sizeof(all), &used, "%s", call->ended);
    else if (call->result == CURLE_OPERATION_TIMEDOUT)
        text_append(all, sizeof(all), &used, "no whole answer in %g s",
                    (double)call->answer_us / US_PER_SECOND);
    else
        text_append(all, sizeof(all), &used, "%s",
                    call->words[0] ? call->words : curl_easy_strerror(call->result));
    text_printable(call->words, sizeof(call->words), all, used, 0);
}

static uint64_t retry_after_us(CURL *easy)
{
    curl_off_t seconds = 0;
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds);
    if (seconds < 0 || seconds > RETRY_AFTER_MAX_S)
        seconds = RETRY_AFTER_MAX_S;
    return (uint64_t)seconds * US_PER_SECOND;
}

static void finish(struct kube_call *call, CURLcode result)
{
    struct kube_client *client = call->client;
    call->result = result;
    if (result == CURLE_OK) {
        call->status = status_of(call->easy);
        call->retry_after_us = retry_after_us(call->easy);
    }
    detach(call);
    if (result != CURLE_OK)
        put_words(call);
    TAILQ_REMOVE(&client->under_way, call, link);
    TAILQ_INSERT_TAIL(&client->finished, call, link);
    event_active(client->deliver, EV_TIMEOUT, 0);
}

void calls_collect(struct kube_multi *multi)
{
    bool broken = false;
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(multi->curl, &left))) {
        char *private = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        struct kube_call *call = (struct kube_call *)private;
        CURLcode result = message->data.result;
        broken |= result != CURLE_OK && !call->ended;
        finish(call, result);
    }
    client_settle(multi->client, multi, broken);
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct kube_call *call = arg;
    struct kube_client *client = call->client;
    struct kube_multi *multi = call->multi;
    call->ended = "no answer began in time";
    finish(call, CURLE_OPERATION_TIMEDOUT);
    client_settle(client, multi, true);
}

/* Delivering. */

static void call_free(struct kube_call *call)
{
    curl_slist_free_all(call->headers);
    free(call->body);
    free(call);
}

static void tell(struct kube_call *call)
{
    struct status status = { 0 };
    if (call->status && !is_success(call->status))
        status_parse(&status, call->body ? call->body : "", call->size);
    struct kube_answer answer = {
        .status = call->status,
        .reason = status.reason,
        .message = call->status ? status.message : call->words,
        .field = status.field,
        .retry_after_us = call->retry_after_us ? call->retry_after_us : status.retry_after_us,
        .body = call->status && call->body ? call->body : "",
        .size = call->status ? call->size : 0,
    };
    call->done(call->arg, &answer);
    call_free(call);
}

/* Over TLS 1.3 a refused client certificate shows only in the first read. */
static bool doubts_credentials(const struct kube_call *call)
{
    return call->status == 401 || call->result == CURLE_SSL_CERTPROBLEM ||
           call->result == CURLE_SSL_CACERT_BADFILE || call->result == CURLE_SSL_CONNECT_ERROR ||
           call->result == CURLE_PEER_FAILED_VERIFICATION || call->result == CURLE_RECV_ERROR;
}

static void on_deliver(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct kube_client *client = arg;
    struct kube_call *call = TAILQ_FIRST(&client->finished);
    if (!call)
        return;
    TAILQ_REMOVE(&client->finished, call, link);
    client->in_flight--;
    if (!TAILQ_EMPTY(&client->finished))
        event_active(client->deliver, EV_TIMEOUT, 0);
    if (doubts_credentials(call))
        client_look(client);
    tell(call);
}

struct event *calls_deliverer(struct kube_client *client)
{
    return event_new(client->base, -1, 0, on_deliver, client);
}

void kube_rest(struct kube_call *call, uint64_t us)
{
    if (call->multi)
        call->multi->rest_us = us;
}

void kube_read_on(struct kube_call *call)
{
    if (call->multi)
        multi_read_on(call->multi);
}

void kube_cancel(struct kube_call *call)
{
    struct kube_client *client = call->client;
    struct kube_multi *multi = call->multi;
    if (multi) {
        detach(call);
        TAILQ_REMOVE(&client->under_way, call, link);
        client_settle(client, multi, false);
    } else {
        TAILQ_REMOVE(&client->finished, call, link);
    }
    client->in_flight--;
    call_free(call);
}

/* Submitting. */

static void add_header(struct kube_call *call, const char *name, const char *value)
{
    char *line = xasprintf("%s: %s", name, value);
    call->headers = curl_slist_append(call->headers, line);
    free(line);
}

/* CURLOPT_PREREQFUNCTION: there is a connection and a place on it, and nothing was sent yet. */
static int on_leave(void *arg, char *peer, char *local, int peer_port, int local_port)
{
    (void)peer, (void)local, (void)peer_port, (void)local_port;
    struct kube_call *call = arg;
    if (call->may_leave(call->arg))
        return CURL_PREREQFUNC_OK;
    call->ended = "held back by its sender when it was to go out";
    return CURL_PREREQFUNC_ABORT;
}

static void put_headers(struct kube_call *call, const struct kube_request *request)
{
    const char *token = call->client->credentials.of[CREDENTIAL_TOKEN].text;
    add_header(call, "Accept", request->accept ? request->accept : "application/json");
    if (call->client->target.host)
        add_header(call, "Host", call->client->target.host);
    if (request->content_type)
        add_header(call, "Content-Type", request->content_type);
    if (token) {
        char *bearer = xasprintf("Bearer %s", token);
        add_header(call, "Authorization", bearer);
        free(bearer);
    }
    curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
}

static void put_request(struct kube_call *call, const struct kube_request *request)
{
    CURL *easy = call->easy;
    char *url = xasprintf("%s%s", call->client->target.url, request->path);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    free(url);
    if (request->body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
        curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request->body);
    } else {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->verb);
    long answer_ms = (long)(call->answer_us / US_PER_MS);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, answer_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, call->late ? 0L : answer_ms);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->words);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, call->may_leave ? on_leave : NULL);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, call);
    if (call->late) {
        curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    }
}

static struct kube_call *call_new(struct kube_client *client, const struct kube_request *request)
{
    struct kube_call *call = xcalloc(1, sizeof(*call));
    call->client = client;
    call->multi = client->current;
    call->bytes = request->bytes;
    call->may_leave = request->may_leave;
    call->done = request->done;
    call->arg = request->arg;
    call->answer_us = request->answer_us ? request->answer_us : client->answer_us;
    call->answer_max = request->answer_max ? request->answer_max : ANSWER_MAX;
    call->multi->calls++;
    client->in_flight++;
    TAILQ_INSERT_TAIL(&client->under_way, call, link);
    if (client->use == KUBE_STREAM) {
        call->multi->rest_us = 0;
        struct timeval in_time = { .tv_sec = (time_t)(client->answer_us / US_PER_SECOND),
                                   .tv_usec = (suseconds_t)(client->answer_us % US_PER_SECOND) };
        call->late = evtimer_new(client->base, on_late, call);
        evtimer_add(call->late, &in_time);
    }
    return call;
}

struct kube_call *kube_submit(struct kube_client *client, const struct kube_request *request)
{
    if (clock_monotonic_us() - client->credentials.looked_us >= client->look_us)
        client_look(client);
    struct kube_call *call = call_new(client, request);
    call->easy = easy_take(client->current);
    if (!call->easy) {
        finish(call, CURLE_OUT_OF_MEMORY);
        return call;
    }
    put_request(call, request);
    put_headers(call, request);
    if (curl_multi_add_handle(call->multi->curl, call->easy) != CURLM_OK)
        finish(call, CURLE_FAILED_INIT);
    return call;
}
