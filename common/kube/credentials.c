#include "common/kube/credentials.h"

#include "common/clock.h"
#include "common/kube/server.h"
#include "common/log.h"
#include "common/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * libcurl could read certificates from files itself, but then each new connection would read them,
 * also in the moment in which they are half written.  So they are read here, looked at whole, and
 * given to libcurl as memory.
 *
 * A certificate and its key are two files: between two renames they do not fit each other.  That
 * fails one handshake; the caller looks again after each, and finds the second file changed.
 */
static const char *const names[CREDENTIAL_KINDS] = { "certificate-authority", "client-certificate",
                                                     "client-key", "tokenFile" };

static bool is_whole_pem(const char *text)
{
    bool any = false;
    const char *at = text;
    while ((at = strstr(at, "-----BEGIN "))) {
        at = strstr(at, "-----END ");
        at = at ? strstr(at + strlen("-----END "), "-----") : NULL;
        if (!at)
            return false;
        any = true;
    }
    return any;
}

static void trim(char *text)
{
    static const char spaces[] = " \t\r\n";
    size_t head = strspn(text, spaces), length = strlen(text);
    while (length > head && strchr(spaces, text[length - 1]))
        length--;
    memmove(text, text + head, length - head);
    text[length - head] = '\0';
}

/* NULL, or why TEXT (SIZE bytes of a file) is not what KIND must be. */
static const char *flaw_of(enum credential_kind kind, char *text, size_t size)
{
    if (strlen(text) != size)
        return "has a NUL character in it";
    if (kind != CREDENTIAL_TOKEN)
        return is_whole_pem(text) ? NULL : "is no whole PEM file";
    trim(text);
    if (!*text)
        return "is empty";
    return token_is_clean(text) ? NULL : "holds no token";
}

/* On failure what was there stays, and the stamp with it, so that the next look tries again. */
static const char *read_file(struct credential *credential, enum credential_kind kind)
{
    size_t size;
    struct file_stamp stamp;
    const char *why;
    char *text = file_read(credential->file, &size, &stamp, &why);
    if (!text)
        return why;
    why = flaw_of(kind, text, size);
    if (why) {
        free(text);
        return why;
    }
    free(credential->text);
    credential->text = text;
    credential->stamp = stamp;
    return NULL;
}

static const char *open_one(struct credential *credential, enum credential_kind kind,
                            const char *file, const char *data)
{
    if (data) {
        credential->text = xstrdup(data);
        return NULL;
    }
    credential->file = file;
    return file ? read_file(credential, kind) : NULL;
}

bool credentials_open(struct credentials *credentials, const struct kube_config *config,
                      char error[KUBE_ERROR_SIZE])
{
    const struct {
        const char *file, *data;
    } from[CREDENTIAL_KINDS] = {
        [CREDENTIAL_CA] = { config->ca_file, config->ca_data },
        [CREDENTIAL_CERTIFICATE] = { config->certificate_file, config->certificate_data },
        [CREDENTIAL_KEY] = { config->key_file, config->key_data },
        [CREDENTIAL_TOKEN] = { config->token_file, config->token_file ? NULL : config->token },
    };
    *credentials = (struct credentials){ .looked_us = clock_monotonic_us() };
    for (unsigned kind = 0; kind < CREDENTIAL_KINDS; kind++) {
        const char *why = open_one(&credentials->of[kind], kind, from[kind].file, from[kind].data);
        if (!why)
            continue;
        snprintf(error, KUBE_ERROR_SIZE, "%s: %s: %s: %s", config->origin, names[kind],
                 from[kind].file, why);
        credentials_close(credentials);
        return false;
    }
    return true;
}

void credentials_close(struct credentials *credentials)
{
    for (unsigned kind = 0; kind < CREDENTIAL_KINDS; kind++)
        free(credentials->of[kind].text);
}

/* Returns whether there is something new. */
static bool look_at(struct credential *credential, enum credential_kind kind)
{
    struct file_stamp stamp;
    if (!credential->file)
        return false;
    if (file_stamp_read(credential->file, &stamp) && file_stamp_equal(&stamp, &credential->stamp)) {
        credential->reported = false;
        return false;
    }
    const char *why = read_file(credential, kind);
    if (!why) {
        credential->reported = false;
        log_info("%s: %s was read again", names[kind], credential->file);
        return true;
    }
    if (!credential->reported)
        log_warning("%s: %s: %s; what was read before stays in use", names[kind], credential->file,
                    why);
    credential->reported = true;
    return false;
}

bool credentials_look(struct credentials *credentials)
{
    bool tls_changed = false;
    for (unsigned kind = 0; kind < CREDENTIAL_KINDS; kind++)
        if (look_at(&credentials->of[kind], kind) && kind != CREDENTIAL_TOKEN)
            tls_changed = true;
    credentials->looked_us = clock_monotonic_us();
    return tls_changed;
}
