/*
 * The paths of the table become a tree of nodes: a node's `member` children are looked up by key,
 * `any` stands for every other member ("{}") and `element` for the elements of an array ("[]").
 *
 * While the input streams by, `open` holds the node of each container that is open and matched,
 * and `expected` the node for the value that comes next: set by the key inside an object, constant
 * inside an array.  A container for which there is no node is skipped: from its opening to its
 * close only `skipped` counts, no key is compared and nothing is copied.
 *
 * A pick that skims does not even show yajl what is in a container that nobody wants, such as a
 * Node's images.  What is one, yajl says: it is fed up to each bracket that may open one, and when
 * that did, json_skip finds the end and yajl reads on with the bracket that closes, as if there
 * were nothing inside.  Which bracket may open one is but a guess, so it may be a cheap one: those
 * behind a quote and a colon.  Inside of a text, which yajl would read from its beginning again for
 * each piece that it is fed in, there is at most one such.
 *
 * Keys and texts are copied only to be reported, for yajl's are not NUL-terminated.
 */
#include "common/json.h"

#include <stdlib.h>
#include <string.h>

#include "common/json_skip.h"
#include "common/memory.h"

/* A Node's managedFields nest about 15 deep; this only bounds what a broken server can do. */
#define DEPTH_MAX 512

struct node {
    const char *key;
    size_t key_size;
    bool has_row;
    unsigned row;
    struct node *member, *any, *element;
    struct node *next; /* the next member of the same parent */
};

struct open {
    struct node *node;
    bool is_array;
};

struct scratch {
    char *text;
    size_t cap;
};

struct json_pick {
    struct json_reader *reader;
    json_pick_handler *handler;
    void *arg;
    struct arena nodes;
    struct node root;
    struct open *open; /* as many as the longest path has steps, and one for the root */
    size_t depth;      /* containers open and matched */
    size_t skipped;    /* containers open and not matched */
    struct node *expected;
    struct scratch key, text;
    size_t values; /* outermost values begun */
    bool skims;
    struct json_skip skip;
};

static const char *keep(struct scratch *scratch, const char *text, size_t size)
{
    if (size >= scratch->cap) {
        scratch->cap = size + 64;
        scratch->text = xrealloc(scratch->text, scratch->cap);
    }
    if (size > 0)
        memcpy(scratch->text, text, size);
    scratch->text[size] = '\0';
    return scratch->text;
}

static bool has_key(const struct node *node, const char *key, size_t size)
{
    return node->key_size == size && memcmp(node->key, key, size) == 0;
}

static struct node *find_member(const struct node *object, const char *key, size_t size)
{
    struct node *node = object->member;
    while (node && !has_key(node, key, size))
        node = node->next;
    return node;
}

/* Where NODE's child for a step is or would be; a step without a key is "[]" or "{}". */
static struct node **child_of(struct node *node, const char *step, size_t key_size)
{
    if (key_size == 0)
        return *step == '[' ? &node->element : &node->any;
    struct node **child = &node->member;
    while (*child && !has_key(*child, step, key_size))
        child = &(*child)->next;
    return child;
}

/* The child of NODE for the step that *PATH begins with, made if need be; moves *PATH on. */
static struct node *descend(struct json_pick *pick, struct node *node, const char **path)
{
    size_t key_size = strcspn(*path, ".[{");
    struct node **child = child_of(node, *path, key_size);
    if (!*child) {
        *child = arena_alloc(&pick->nodes, sizeof(**child));
        (*child)->key = *path;
        (*child)->key_size = key_size;
    }
    *path += key_size > 0 ? key_size : strlen("[]");
    if (**path == '.')
        (*path)++;
    return *child;
}

static size_t add_path(struct json_pick *pick, const char *path, unsigned row)
{
    struct node *node = &pick->root;
    size_t steps = 0;
    for (; *path; steps++)
        node = descend(pick, node, &path);
    node->has_row = true;
    node->row = row;
    return steps;
}

static void report(struct json_pick *pick, const struct node *node, enum json_event event,
                   const char *key, const char *text, size_t size)
{
    if (node->has_row)
        pick->handler(pick->arg, node->row, event, key, keep(&pick->text, text, size), size);
}

static bool is_any(const struct json_pick *pick, const struct node *node)
{
    return pick->depth > 0 && pick->open[pick->depth - 1].node->any == node;
}

static void on_key(struct json_pick *pick, const char *key, size_t size)
{
    const struct node *object = pick->open[pick->depth - 1].node;
    pick->expected = find_member(object, key, size);
    if (pick->expected || !object->any)
        return;
    pick->expected = object->any;
    if (pick->expected->has_row)
        keep(&pick->key, key, size);
}

static void on_value(struct json_pick *pick, enum json_event event, const char *text, size_t size)
{
    const struct node *node = pick->expected;
    pick->values += pick->depth == 0;
    if (node)
        report(pick, node, event, is_any(pick, node) ? pick->key.text : NULL, text, size);
}

static void on_open(struct json_pick *pick, enum json_event event)
{
    struct node *node = pick->expected;
    on_value(pick, event, NULL, 0);
    if (!node) {
        pick->skipped = 1;
        return;
    }
    bool is_array = event == JSON_ARRAY;
    pick->open[pick->depth++] = (struct open){ node, is_array };
    pick->expected = is_array ? node->element : NULL;
}

static void on_close(struct json_pick *pick, enum json_event event)
{
    const struct node *node = pick->open[--pick->depth].node;
    const struct open *parent = pick->depth > 0 ? &pick->open[pick->depth - 1] : NULL;
    if (!parent)
        pick->expected = &pick->root;
    else
        pick->expected = parent->is_array ? parent->node->element : NULL;
    report(pick, node, event, NULL, NULL, 0);
}

static bool on_event(void *arg, enum json_event event, const char *text, size_t size)
{
    struct json_pick *pick = arg;
    bool opens = event == JSON_OBJECT || event == JSON_ARRAY;
    bool closes = event == JSON_OBJECT_END || event == JSON_ARRAY_END;
    if (pick->skipped > 0) {
        pick->skipped += opens;
        pick->skipped -= closes;
    } else if (event == JSON_KEY) {
        on_key(pick, text, size);
    } else if (opens) {
        on_open(pick, event);
    } else if (closes) {
        on_close(pick, event);
    } else {
        on_value(pick, event, text, size);
    }
    return true;
}

struct json_pick *json_pick_new(const struct json_pick_row *rows, json_pick_handler *handler,
                                void *arg)
{
    struct json_pick *pick = xcalloc(1, sizeof(*pick));
    size_t longest = 0;
    for (unsigned row = 0; rows[row].path; row++) {
        size_t steps = add_path(pick, rows[row].path, row);
        if (steps > longest)
            longest = steps;
    }
    pick->open = xcalloc(longest + 1, sizeof(*pick->open));
    pick->expected = &pick->root;
    pick->handler = handler;
    pick->arg = arg;
    pick->reader = json_reader_new(on_event, pick, DEPTH_MAX);
    return pick;
}

void json_pick_free(struct json_pick *pick)
{
    if (!pick)
        return;
    json_reader_free(pick->reader);
    arena_free(&pick->nodes);
    free(pick->open);
    free(pick->key.text);
    free(pick->text.text);
    free(pick);
}

/* Behind the next bracket that may open the value of some key, or END. */
static const char *find_opened(const char *bytes, const char *end)
{
    const char *at = bytes;
    while ((at = memchr(at, ':', (size_t)(end - at)))) {
        bool after_key = at - bytes >= 2 && at[-1] == '"' && at[-2] != '\\';
        at++;
        if (after_key && at < end && (*at == '[' || *at == '{'))
            return at + 1;
    }
    return end;
}

static bool skim(struct json_pick *pick, const char *bytes, size_t size)
{
    const char *at = bytes, *end = bytes + size;
    while (at < end) {
        if (pick->skip.depth > 0) {
            size_t skipped = json_skip(&pick->skip, at, (size_t)(end - at));
            json_reader_pass(pick->reader, skipped);
            at += skipped;
            continue;
        }
        const char *inside = find_opened(at, end);
        if (!json_reader_feed(pick->reader, at, (size_t)(inside - at)))
            return false;
        at = inside;
        if (pick->skipped > 0 && json_reader_has_just_opened(pick->reader))
            pick->skip = json_skip_inside(at[-1]);
    }
    return true;
}

void json_pick_skim(struct json_pick *pick)
{
    pick->skims = true;
}

bool json_pick_feed(struct json_pick *pick, const char *bytes, size_t size)
{
    return pick->skims ? skim(pick, bytes, size) : json_reader_feed(pick->reader, bytes, size);
}

bool json_pick_end(struct json_pick *pick)
{
    return json_reader_end(pick->reader);
}

const char *json_pick_error(const struct json_pick *pick)
{
    return json_reader_error(pick->reader);
}

bool json_pick_document(const struct json_pick_row *rows, json_pick_handler *handler, void *arg,
                        const char *bytes, size_t size)
{
    struct json_pick *pick = json_pick_new(rows, handler, arg);
    bool whole = json_pick_feed(pick, bytes, size) && json_pick_end(pick) && pick->values == 1;
    json_pick_free(pick);
    return whole;
}
