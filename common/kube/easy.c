#include "common/kube/internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

/*
 * What is the same for all transfers of a client is set once, when an easy handle is made; what a
 * call needs of its own is in call.c.
 */

/* Bytes of a stream that may wait for us in the kernel. */
#define STREAM_ROOM (2 << 20)

/* A peer that is silent on an idle connection is found after 9 s, one that does not acknowledge
 * what was sent after 8 s (tcp(7); with TCP_USER_TIMEOUT the probes' number does not count). */
static int tune_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    (void)arg;
    (void)purpose;
    const struct {
        int level, name, value;
    } options[] = {
        { SOL_SOCKET, SO_KEEPALIVE, 1 },   { IPPROTO_TCP, TCP_KEEPIDLE, 5 },
        { IPPROTO_TCP, TCP_KEEPINTVL, 2 }, { IPPROTO_TCP, TCP_KEEPCNT, 2 },
        { IPPROTO_TCP, TCP_NODELAY, 1 },   { IPPROTO_TCP, TCP_USER_TIMEOUT, 8000 },
    };
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        if (setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int)) < 0)
            return CURL_SOCKOPT_ERROR;
    return CURL_SOCKOPT_OK;
}

/* A list comes as fast as its server can send, which must not wait whenever we are busy with it.
 * The kernel makes room for those only who keep up; asked for what to wake us at, it makes it at
 * once and, unlike for SO_RCVBUF, as much as tcp_rmem allows and without an end to its own tuning
 * (tcp_set_rcvlowat() in net/ipv4/tcp.c). */
static int tune_stream(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    int room = STREAM_ROOM, any = 1;
    setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &room, sizeof(room));
    setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &any, sizeof(any));
    return tune_socket(arg, fd, purpose);
}

static bool set_blob(CURL *easy, CURLoption option, const struct credential *credential)
{
    if (!credential->text)
        return true;
    struct curl_blob blob = { .data = credential->text,
                              .len = strlen(credential->text),
                              .flags = CURL_BLOB_COPY };
    return curl_easy_setopt(easy, option, &blob) == CURLE_OK;
}

static bool set_long(CURL *easy, CURLoption option, long value)
{
    return curl_easy_setopt(easy, option, value) == CURLE_OK;
}

static bool set_text(CURL *easy, CURLoption option, const char *text)
{
    return curl_easy_setopt(easy, option, text) == CURLE_OK;
}

static bool set_up_tls(CURL *easy, const struct kube_client *client)
{
    const struct credential *of = client->credentials.of;
    bool verify = !client->config->insecure_skip_tls_verify;
    return set_long(easy, CURLOPT_SSL_VERIFYPEER, verify) &&
           set_long(easy, CURLOPT_SSL_VERIFYHOST, verify ? 2 : 0) &&
           set_long(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2) &&
           set_blob(easy, CURLOPT_CAINFO_BLOB, &of[CREDENTIAL_CA]) &&
           set_blob(easy, CURLOPT_SSLCERT_BLOB, &of[CREDENTIAL_CERTIFICATE]) &&
           set_blob(easy, CURLOPT_SSLKEY_BLOB, &of[CREDENTIAL_KEY]);
}

static bool set_up(CURL *easy, const struct kube_client *client)
{
    bool stream = client->use == KUBE_STREAM;
    return set_long(easy, CURLOPT_NOSIGNAL, 1) &&
           set_text(easy, CURLOPT_PROTOCOLS_STR, "https,http") &&
           set_text(easy, CURLOPT_PROXY, "") && set_long(easy, CURLOPT_PATH_AS_IS, 1) &&
           set_text(easy, CURLOPT_USERAGENT, "lastgasp/" LASTGASP_VERSION) &&
           set_long(easy, CURLOPT_HTTP_VERSION,
                    stream ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS) &&
           set_long(easy, CURLOPT_PIPEWAIT, !stream) &&
           curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, stream ? tune_stream : tune_socket) ==
               CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECT_TO, client->connect_to) == CURLE_OK &&
           set_up_tls(easy, client);
}

CURL *easy_take(struct kube_multi *multi)
{
    if (multi->idle_count)
        return multi->idle[--multi->idle_count];
    CURL *easy = curl_easy_init();
    if (easy && set_up(easy, multi->client))
        return easy;
    curl_easy_cleanup(easy);
    return NULL;
}

void easy_give_back(struct kube_multi *multi, CURL *easy)
{
    /* What the call owned goes with it. */
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
    if (multi->idle_count < IDLE_MAX)
        multi->idle[multi->idle_count++] = easy;
    else
        curl_easy_cleanup(easy);
}
