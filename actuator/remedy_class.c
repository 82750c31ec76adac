#include "actuator/remedy_state.h"

#include <string.h>

#include "common/clock.h"

#define BACKOFF_LEAST_US (200 * US_PER_MS)
#define BACKOFF_MOST_US  (5 * US_PER_SECOND)

uint64_t remedy_backoff(unsigned tries, unsigned chance)
{
    uint64_t delay_us = BACKOFF_LEAST_US;

    while (--tries > 0 && delay_us < BACKOFF_MOST_US)
        delay_us *= 2;
    if (delay_us > BACKOFF_MOST_US)
        delay_us = BACKOFF_MOST_US;
    return delay_us * (750 + chance / 2) / 1000;
}

/*
 * An API server that has just started listens before it knows the RBAC rules and refuses
 * everybody for some 20 ms (seen on 1.36; /readyz is not ok yet).  A refusal that lasts for some
 * 3 s is meant.
 */
#define FORBIDDEN_TRIES 4

/* Whatever stands before the API server knows a 404 of its own, which says nothing of an object. */
static bool is_not_found(const struct remedy_answer *answer)
{
    return answer->status == 404 && strcmp(answer->reason, "NotFound") == 0;
}

enum answer_class remedy_class(enum remedy_kind kind, unsigned tries,
                               const struct remedy_answer *answer)
{
    unsigned status = answer->status;
    bool of_pod = kind == REMEDY_MARK_POD || kind == REMEDY_DELETE_POD;
    bool of_uid = status == 422 && strcmp(answer->field, "metadata.uid") == 0;

    if (status >= 200 && status < 300)
        return ANSWER_DONE;
    if (kind == REMEDY_EVENT && status == 409)
        return ANSWER_DONE; /* an earlier attempt had arrived */
    if ((of_pod && (of_uid || is_not_found(answer))) ||
        (kind == REMEDY_DELETE_POD && status == 409))
        return ANSWER_GONE; /* the only precondition of a pod's DELETE is its uid */
    if (kind != REMEDY_EVENT && kind != REMEDY_LIST_PODS && !of_pod) {
        if (is_not_found(answer))
            return ANSWER_GONE;
        if (status == 409 || of_uid)
            return ANSWER_CONFLICT;
    }
    if (status == 0 || status == 401 || (status == 404 && !is_not_found(answer)) || status == 408 ||
        status == 409 || status == 410 || status == 429 || status >= 500 ||
        (status == 403 && tries < FORBIDDEN_TRIES))
        return ANSWER_LATER;
    return ANSWER_NEVER;
}
