#include "common/kube/server.h"

#include "common/memory.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

static bool has_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return has;
}

static const char *flaw_of(CURLU *url, const char *server)
{
    if (strncmp(server, "https://", 8) != 0 && strncmp(server, "http://", 7) != 0)
        return "must begin with https:// (or http://)";
    CURLUcode code = curl_url_set(url, CURLUPART_URL, server, 0);
    if (code != CURLUE_OK)
        return curl_url_strerror(code);
    if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD))
        return "must hold no user and no password";
    if (strpbrk(server, "?#"))
        return "must hold no query and no fragment";
    return NULL;
}

const char *server_flaw(const char *server)
{
    CURLU *url = curl_url();
    const char *why = flaw_of(url, server);
    curl_url_cleanup(url);
    return why;
}

void server_trim(char *server)
{
    size_t length = strlen(server);
    while (length && server[length - 1] == '/')
        server[--length] = '\0';
}

bool server_name_is_clean(const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    return *name && name[strspn(name, allowed)] == '\0';
}

bool token_is_clean(const char *token)
{
    for (const char *c = token; *c; c++)
        if (*c <= ' ' || *c > '~')
            return false;
    return *token;
}

void target_make(struct target *target, const char *server, const char *tls_server_name)
{
    *target = (struct target){ 0 };
    if (!tls_server_name) {
        target->url = xstrdup(server);
        return;
    }
    CURLU *url = curl_url();
    char *host = NULL, *port = NULL, *named = NULL;
    curl_url_set(url, CURLUPART_URL, server, 0);
    curl_url_get(url, CURLUPART_HOST, &host, 0);
    curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
    curl_url_set(url, CURLUPART_HOST, tls_server_name, 0);
    curl_url_get(url, CURLUPART_URL, &named, 0);
    target->url = xstrdup(named);
    server_trim(target->url);
    target->connect_to = xasprintf("%s:%s:%s:%s", tls_server_name, port, host, port);
    target->host = xasprintf("%s:%s", host, port);
    curl_free(named);
    curl_free(port);
    curl_free(host);
    curl_url_cleanup(url);
}

void target_clear(struct target *target)
{
    free(target->url);
    free(target->connect_to);
    free(target->host);
}
