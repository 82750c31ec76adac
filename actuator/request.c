#include "actuator/request.h"

#include "common/clock.h"
#include "common/digest.h"
#include "common/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* How far another process's clock on this host can be ahead of the one that we read here. */
#define AHEAD_MAX_US US_PER_SECOND
/* More than the longest --expire that the correlator takes. */
#define LIFE_MAX_US (24 * 60 * US_PER_MINUTE)

static bool refuse(char why[RECORD_WHY_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool refuse(char why[RECORD_WHY_SIZE], const char *format, ...)
{
    char words[RECORD_WHY_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(words, sizeof(words), format, arguments);
    va_end(arguments);
    text_printable(why, RECORD_WHY_SIZE, words, strlen(words), 0);
    return false;
}

static bool consists_of(const char *text, const char *allowed)
{
    return text[strspn(text, allowed)] == '\0';
}

#define DIGITS "0123456789"
#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* A DNS subdomain (RFC 1123), which every Node's name is. */
static bool is_node_name(const char *text)
{
    size_t size = strlen(text);

    return size >= 1 && size <= 253 && consists_of(text, LOWER DIGITS "-.") &&
           strchr("-.", text[0]) == NULL && strchr("-.", text[size - 1]) == NULL &&
           strstr(text, "..") == NULL && strstr(text, ".-") == NULL && strstr(text, "-.") == NULL;
}

/* What a uid and a boot id look like on every platform: a UUID, with or without its dashes. */
static bool is_identifier(const char *text)
{
    size_t size = strlen(text);

    return size >= 1 && size <= 64 && consists_of(text, LOWER UPPER DIGITS "-");
}

static bool is_digest(const char *text)
{
    return strlen(text) == DIGEST_TEXT_SIZE - 1 && consists_of(text, DIGITS "abcdef");
}

static bool is_printable(const char *text)
{
    char copy[4 * 1024 + 1];
    size_t size = strlen(text);

    return size < sizeof(copy) && text_printable(copy, sizeof(copy), text, size, 0) == size &&
           memcmp(copy, text, size) == 0;
}

/* A drill is no incident of its boot, and can never become one. */
static bool check_drill(const struct intent *intent, char why[RECORD_WHY_SIZE])
{
    char id[DIGEST_TEXT_SIZE];

    if (intent->panics.count != 1)
        return refuse(why, "panics has %zu ids, a drill is one", intent->panics.count);
    digest_drill(intent->uid, intent->boot, intent->panics.line[0], id);
    if (strcmp(id, intent->id) != 0)
        return refuse(why, "id \"%.64s\" is not the hash of uid, boot and drill, %s", intent->id,
                      id);
    return true;
}

/* What is only words has its own verdicts, so that no verdict of a machine goes with a drill. */
static bool check_verdict(const struct intent *intent, char why[RECORD_WHY_SIZE])
{
    static const struct {
        bool of_panic, of_halt, of_drill;
    } may[] = {
        [VERDICT_UNVERIFIED] = { true, true, false }, [VERDICT_SILENT] = { true, true, false },
        [VERDICT_UNPROBABLE] = { true, true, false }, [VERDICT_REBOOTED] = { true, true, true },
        [VERDICT_RECREATED] = { true, true, true },   [VERDICT_EXPIRED] = { true, true, true },
        [VERDICT_MISMATCH] = { true, true, true },    [VERDICT_DRILL] = { false, false, true },
        [VERDICT_LATE] = { true, false, false },      [VERDICT_REPORTED] = { false, false, false },
    };
    bool good = intent->cause == CAUSE_DRILL  ? may[intent->verdict].of_drill
                : intent->cause == CAUSE_HALT ? may[intent->verdict].of_halt
                                              : may[intent->verdict].of_panic;

    if (intent->verdict == VERDICT_REPORTED)
        return refuse(why, "verdict \"reported\" is not a prober's");
    if (!good)
        return refuse(why, "verdict \"%s\" is none of the cause \"%s\"",
                      verdict_names[intent->verdict], cause_names[intent->cause]);
    return true;
}

static bool check_identity(const struct intent *intent, char why[RECORD_WHY_SIZE])
{
    char id[DIGEST_TEXT_SIZE];

    if (!is_node_name(intent->node))
        return refuse(why, "node \"%.64s\" is no Node's name", intent->node);
    if (!is_identifier(intent->uid))
        return refuse(why, "uid \"%.64s\" is no uid", intent->uid);
    if (!is_identifier(intent->boot))
        return refuse(why, "boot \"%.64s\" is no boot id", intent->boot);
    if (intent->cause == CAUSE_DRILL)
        return check_drill(intent, why);
    if (strcmp(digest_incident(intent->uid, intent->boot, id), intent->id) != 0)
        return refuse(why, "id \"%.64s\" is not the hash of uid and boot, %s", intent->id, id);
    return true;
}

static bool check_times(const struct intent *intent, uint64_t now_us, char why[RECORD_WHY_SIZE])
{
    if (intent->received_us > now_us + AHEAD_MAX_US)
        return refuse(why, "received_us is %llu ms in the future",
                      (unsigned long long)((intent->received_us - now_us) / US_PER_MS));
    if (intent->expires_us < intent->received_us ||
        intent->expires_us - intent->received_us > LIFE_MAX_US)
        return refuse(why, "expires_us is not within 24 h after received_us");
    if (intent->silent_until_us != RECORD_ABSENT &&
        intent->silent_until_us > now_us + AHEAD_MAX_US)
        return refuse(why, "silent_until_us is in the future");
    if (intent->booted_us != RECORD_ABSENT && intent->booted_us > now_us + AHEAD_MAX_US)
        return refuse(why, "booted_us is in the future");
    return true;
}

bool request_check(const struct intent *intent, uint64_t now_us, char why[RECORD_WHY_SIZE])
{
    if (!check_verdict(intent, why) || !check_identity(intent, why) ||
        !check_times(intent, now_us, why))
        return false;
    if (intent->reason[0] == '\0' || !is_printable(intent->reason))
        return refuse(why, "reason is empty or not printable");
    if (!is_printable(intent->words))
        return refuse(why, "words are not printable");
    if (intent->panics.count == 0)
        return refuse(why, "panics is empty: an intent without a panic");
    for (size_t i = 0; i < intent->panics.count; i++) {
        if (!is_digest(intent->panics.line[i]))
            return refuse(why, "panics[%zu] \"%.64s\" is no id", i, intent->panics.line[i]);
    }
    return true;
}

bool request_check_report(const struct report *report, char why[RECORD_WHY_SIZE])
{
    if (!is_node_name(report->node))
        return refuse(why, "node \"%.64s\" is no Node's name", report->node);
    if (report->reason[0] == '\0' || !is_printable(report->reason))
        return refuse(why, "reason is empty or not printable");
    if (report->by && !is_printable(report->by))
        return refuse(why, "by is not printable");
    return true;
}

bool request_check_undo(const struct undo *undo, char why[RECORD_WHY_SIZE])
{
    if (!is_digest(undo->incident))
        return refuse(why, "incident \"%.64s\" is no id: 32 digits and letters a to f",
                      undo->incident);
    if (undo->by && !is_printable(undo->by))
        return refuse(why, "by is not printable");
    return true;
}
