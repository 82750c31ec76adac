#include "actuator/remedy_state.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"

void remedy_list(struct remedy *remedy)
{
    free(remedy->continue_token);
    remedy->continue_token = NULL;
    remedy->list_whole = false;
    remedy->list_settled = remedy->marked;
    remedy->list_found = false;
    remedy_push(&remedy->acts, &remedy->list_task);
}

static bool is_known(const struct remedy *remedy, const char *uid)
{
    for (const struct pod *pod = remedy->pods; pod; pod = pod->next) {
        if (strcmp(pod->seen.uid, uid) == 0)
            return true;
    }
    return false;
}

static const char *copy(struct remedy *remedy, const char *text)
{
    return arena_copy(&remedy->arena, text, strlen(text));
}

/* The owner of POD, one object for all its pods on the node. */
static struct remedy_owner *owner_of(struct remedy *remedy, const struct answer_pod *pod)
{
    struct owner_of *owner = remedy->owners;

    if (!pod->owner_uid)
        return NULL;
    while (owner && strcmp(owner->seen.uid, pod->owner_uid) != 0)
        owner = owner->next;
    if (!owner) {
        owner = arena_alloc(&remedy->arena, sizeof(*owner));
        owner->seen = (struct remedy_owner){
            .namespace = copy(remedy, pod->namespace),
            .api = copy(remedy, pod->owner_api),
            .kind = copy(remedy, pod->owner_kind),
            .name = copy(remedy, pod->owner_name),
            .uid = copy(remedy, pod->owner_uid),
        };
        owner->next = remedy->owners;
        remedy->owners = owner;
    }
    return &owner->seen;
}

static bool is_daemon(const struct answer_pod *pod)
{
    return pod->owner_kind && strcmp(pod->owner_kind, "DaemonSet") == 0;
}

static void end(struct remedy *remedy, struct pod *pod, const char *done)
{
    pod->seen.done = done;
    if (remedy->last_ended)
        remedy->last_ended->next_ended = pod;
    else
        remedy->ended = pod;
    remedy->last_ended = pod;
}

const struct remedy_pod *remedy_next_ended(struct remedy *remedy)
{
    struct pod *pod = remedy->ended;

    if (!pod)
        return NULL;
    remedy->ended = pod->next_ended;
    if (!remedy->ended)
        remedy->last_ended = NULL;
    return &pod->seen;
}

/* Why a pod is left as it is, whatever may be done with the others; NULL: it is not. */
static const char *leave(struct remedy *remedy, const struct answer_pod *pod)
{
    if (pod->mirror) {
        remedy->tally.mirror++;
        return "left: mirror pod";
    }
    if (pod->finished && !pod->ours) {
        remedy->tally.finished++;
        return "left: has finished";
    }
    return NULL;
}

/* What is to be done about POD, now that it may be touched. */
static void release(struct remedy *remedy, struct pod *pod)
{
    bool removes = remedy->level >= MODE_PODS && !pod->keeps;

    if (pod->finished && !removes) {
        remedy->tally.finished++;
        remedy->open--;
        end(remedy, pod, "left: has finished");
        return;
    }
    if (!removes)
        pod->seen.mark = REMEDY_MARK_TELL;
    else if (pod->daemon)
        pod->seen.mark = REMEDY_MARK_DAEMON;
    else
        pod->seen.mark = REMEDY_MARK_REMOVE;
    if (remedy->level >= MODE_PODS && pod->keeps)
        remedy->tally.kept++;
    pod->task.kind = pod->finished ? REMEDY_DELETE_POD : REMEDY_MARK_POD;
    remedy_push(&remedy->acts, &pod->task);
}

static void add(struct remedy *remedy, const struct answer_pod *from)
{
    struct remedy_owner *owner = owner_of(remedy, from);
    struct pod *pod = arena_alloc(&remedy->arena, sizeof(*pod));

    pod->seen = (struct remedy_pod){
        .namespace = copy(remedy, from->namespace),
        .name = copy(remedy, from->name),
        .uid = copy(remedy, from->uid),
        .owner = owner,
        .mark = REMEDY_MARK_NOTHING,
    };
    pod->daemon = is_daemon(from);
    pod->keeps = from->keeps;
    pod->finished = from->finished;
    pod->task.pod = pod;
    pod->next = remedy->pods;
    remedy->pods = pod;

    const char *left = leave(remedy, from);
    if (left) {
        end(remedy, pod, left);
        return;
    }
    remedy->open++;
    remedy->list_found = true;
    if (pod->daemon)
        remedy->daemons++;
    else if (owner)
        owner->pods++;
    if (remedy->released)
        release(remedy, pod);
}

void remedy_release_pods(struct remedy *remedy)
{
    remedy->released = true;
    remedy->released_level = remedy->level;
    for (struct pod *pod = remedy->pods; pod; pod = pod->next) {
        if (!pod->seen.done)
            release(remedy, pod);
    }
}

void remedy_list_anew(struct remedy *remedy)
{
    remedy->anew = remedy->released = remedy->events_queued = false;
    remedy->pods = NULL;
    remedy->owners = NULL;
    remedy->daemons = 0;
    remedy->tally = (struct tally){ 0 };
    remedy->refusal = NULL;
    remedy_set_level(remedy);
    remedy_list(remedy);
}

static void saw_version(struct remedy *remedy, uint64_t version)
{
    if (version > remedy->version)
        remedy->version = version;
}

void remedy_listed(struct remedy *remedy, enum answer_class class,
                   const struct remedy_answer *answer)
{
    const struct answer_pods *pods = answer->pods;

    if (remedy->ending.begun)
        return;
    if (class != ANSWER_DONE) {
        remedy_settle(remedy, remedy->marked ? OUTCOME_PARTIAL : OUTCOME_REFUSED, "%s",
                      answer->message);
        return;
    }
    for (size_t i = 0; i < answer_pods_count(pods); i++) {
        const struct answer_pod *pod = answer_pods_at(pods, i);
        if (!is_known(remedy, pod->uid) && remedy_tells_of(remedy, pod))
            add(remedy, pod);
    }
    saw_version(remedy, answer_pods_version(pods));
    free(remedy->continue_token);
    remedy->continue_token = NULL;
    if (answer_pods_continue(pods)) {
        remedy->continue_token = xstrdup(answer_pods_continue(pods));
        remedy_push(&remedy->acts, &remedy->list_task);
        return;
    }
    remedy->list_whole = true;
    if (remedy->list_found && !rights_only_tell(remedy->plan.verdict))
        remedy_say(remedy, "%zu pods on the Node need something done", remedy->open);
}

static void finish(struct remedy *remedy, struct pod *pod, size_t *count, const char *done)
{
    ++*count;
    remedy->open--;
    end(remedy, pod, done);
}

static void refuse(struct remedy *remedy, struct pod *pod, const struct remedy_answer *answer)
{
    char done[256];
    size_t used = 0;

    text_append(done, sizeof(done), &used, "refused: %s", answer->message);
    finish(remedy, pod, &remedy->tally.refused, copy(remedy, done));
    if (!remedy->refusal)
        remedy->refusal = copy(remedy, answer->message);
}

static void marked(struct remedy *remedy, struct pod *pod, enum answer_class class,
                   const struct remedy_answer *answer)
{
    if (class == ANSWER_GONE) {
        finish(remedy, pod, &remedy->tally.gone, "gone already");
    } else if (remedy->ending.begun) {
        return;
    } else if (class == ANSWER_DONE && pod->seen.mark == REMEDY_MARK_REMOVE) {
        pod->task.kind = REMEDY_DELETE_POD;
        remedy_push_front(&remedy->acts, &pod->task);
    } else if (class == ANSWER_DONE) {
        finish(remedy, pod, &remedy->tally.told, "annotated");
    } else if (!pod->task.plain && pod->seen.mark != REMEDY_MARK_TELL) {
        pod->task.plain = true;
        remedy_push_front(&remedy->acts, &pod->task);
    } else {
        refuse(remedy, pod, answer);
    }
}

void remedy_pod_answered(struct remedy *remedy, struct remedy_task *task, enum answer_class class,
                         const struct remedy_answer *answer)
{
    saw_version(remedy, answer->version);
    if (task->kind == REMEDY_MARK_POD)
        marked(remedy, task->pod, class, answer);
    else if (class == ANSWER_NEVER)
        refuse(remedy, task->pod, answer);
    else
        finish(remedy, task->pod, &remedy->tally.deleted,
               class == ANSWER_DONE ? "deleted" : "marked, then gone before our DELETE");
}

void remedy_count(const struct remedy *remedy, char *out, size_t cap)
{
    const struct tally *tally = &remedy->tally;
    const struct {
        size_t count;
        const char *words;
    } rows[] = {
        { tally->told, "annotated" },        { tally->gone, "gone already" },
        { tally->finished, "had finished" }, { tally->mirror, "mirror pods" },
        { tally->refused, "refused" },       { remedy->open, "not done" },
    };
    size_t used = 0;

    text_append(out, cap, &used, "%zu pods deleted", tally->deleted);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].count > 0)
            text_append(out, cap, &used, ", %zu %s", rows[i].count, rows[i].words);
    }
}
