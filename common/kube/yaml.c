#include "common/kube/yaml.h"

#include "common/memory.h"
#include "common/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * The file is read twice: once as events, to see that it is one document and not deep (libyaml's
 * time grows with the square of the depth), then composed.  libyaml does not expand aliases (one
 * is the anchor's node again) and nothing here walks further than the caller asks, so neither an
 * alias that contains itself nor a thousand of them in a row costs anything.
 */
#define DEPTH_MAX 64

static void fail_line(struct source *source, size_t line, const char *field, const char *words)
{
    size_t used = 0;
    if (!source->error[0])
        text_append(source->error, source->error_size, &used, "%s:%zu: %s%s%s", source->path, line,
                    field, field[0] ? ": " : "", words);
}

void source_fail(struct source *source, const struct place *at, const char *format, ...)
{
    char words[384];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    fail_line(source, at->node ? at->node->start_mark.line + 1 : 1, at->name, words);
}

static void parser_fail(struct source *source, const yaml_parser_t *parser)
{
    char words[256];
    size_t used = 0;
    text_append(words, sizeof(words), &used, "is not YAML: %s", parser->problem);
    if (parser->context)
        text_append(words, sizeof(words), &used, " %s", parser->context);
    fail_line(source, parser->problem_mark.line + 1, "", words);
}

/* What an event that begins or ends something does to the depth. */
static int depth_change(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        return 1;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return -1;
    default:
        return 0;
    }
}

static void check_events(struct source *source, yaml_parser_t *parser)
{
    yaml_event_type_t type = YAML_NO_EVENT;
    int depth = 0, documents = 0;
    while (type != YAML_STREAM_END_EVENT && !source->error[0]) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            parser_fail(source, parser);
            return;
        }
        type = event.type;
        depth += depth_change(&event);
        documents += type == YAML_DOCUMENT_START_EVENT;
        if (depth > DEPTH_MAX)
            fail_line(source, event.start_mark.line + 1, "", "is nested too deep");
        if (documents > 1)
            fail_line(source, event.start_mark.line + 1, "", "a second YAML document begins here");
        yaml_event_delete(&event);
    }
}

static void compose(struct source *source, yaml_parser_t *parser)
{
    if (!yaml_parser_load(parser, &source->document))
        parser_fail(source, parser);
}

static void read_with(void (*reader)(struct source *source, yaml_parser_t *parser),
                      struct source *source, const char *bytes, size_t size)
{
    yaml_parser_t parser;
    yaml_parser_initialize(&parser);
    yaml_parser_set_input_string(&parser, (const unsigned char *)bytes, size);
    reader(source, &parser);
    yaml_parser_delete(&parser);
}

bool source_open(struct source *source, const char *path, const char *bytes, size_t size,
                 char *error, size_t error_size)
{
    *source = (struct source){ .path = path, .error = error, .error_size = error_size };
    error[0] = '\0';
    read_with(check_events, source, bytes, size);
    if (!error[0])
        read_with(compose, source, bytes, size);
    return !error[0];
}

void source_close(struct source *source)
{
    yaml_document_delete(&source->document);
}

struct place source_root(struct source *source)
{
    return (struct place){ .node = yaml_document_get_root_node(&source->document) };
}

static bool text_is(const yaml_node_t *node, const char *text)
{
    return node->type == YAML_SCALAR_NODE && node->data.scalar.length == strlen(text) &&
           memcmp(node->data.scalar.value, text, node->data.scalar.length) == 0;
}

static bool one_of(const yaml_node_t *node, const char *const *texts)
{
    for (; *texts; texts++)
        if (text_is(node, *texts))
            return true;
    return false;
}

static bool is_plain(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static bool is_null(const yaml_node_t *node)
{
    static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
    return is_plain(node) && one_of(node, nulls);
}

static struct place member_place(const struct place *mapping, const char *key)
{
    struct place place = { 0 };
    size_t used = 0;
    text_append(place.name, sizeof(place.name), &used, "%s%s%s", mapping->name,
                mapping->name[0] ? "." : "", key);
    return place;
}

struct place source_member(struct source *source, const struct place *mapping, const char *key)
{
    struct place found = member_place(mapping, key);
    if (!mapping->node || source->error[0])
        return found;
    if (mapping->node->type != YAML_MAPPING_NODE) {
        source_fail(source, mapping, "must be a mapping");
        return found;
    }
    const yaml_node_pair_t *pair = mapping->node->data.mapping.pairs.start;
    for (; pair < mapping->node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *name = yaml_document_get_node(&source->document, pair->key);
        if (text_is(name, "<<"))
            source_fail(source, mapping, "YAML merge keys (<<) are not supported");
        if (!text_is(name, key))
            continue;
        const yaml_node_t *value = yaml_document_get_node(&source->document, pair->value);
        if (found.node) {
            found.node = value;
            source_fail(source, &found, "is given twice");
        }
        found.node = value;
    }
    if (source->error[0] || (found.node && is_null(found.node)))
        found.node = NULL;
    return found;
}

struct place source_named(struct source *source, const struct place *list, const char *name)
{
    struct place found = { 0 };
    if (!list->node || source->error[0])
        return found;
    if (list->node->type != YAML_SEQUENCE_NODE) {
        source_fail(source, list, "must be a list");
        return found;
    }
    size_t count =
        (size_t)(list->node->data.sequence.items.top - list->node->data.sequence.items.start);
    for (size_t i = 0; i < count; i++) {
        yaml_node_item_t item = list->node->data.sequence.items.start[i];
        struct place element = { .node = yaml_document_get_node(&source->document, item) };
        size_t used = 0;
        text_append(element.name, sizeof(element.name), &used, "%s[%zu]", list->name, i);
        struct place named = source_member(source, &element, "name");
        if (!named.node || !text_is(named.node, name))
            continue;
        if (found.node)
            source_fail(source, &element, "is a second one named \"%s\"", name);
        found = element;
    }
    if (source->error[0])
        found.node = NULL;
    return found;
}

char *source_text(struct source *source, const struct place *at)
{
    if (!at->node || source->error[0])
        return NULL;
    if (at->node->type != YAML_SCALAR_NODE) {
        source_fail(source, at, "must be a text");
        return NULL;
    }
    const char *text = (const char *)at->node->data.scalar.value;
    size_t length = at->node->data.scalar.length;
    if (memchr(text, '\0', length)) {
        source_fail(source, at, "has a NUL character in it");
        return NULL;
    }
    return length ? xstrndup(text, length) : NULL;
}

bool source_flag(struct source *source, const struct place *at)
{
    static const char *const yes[] = { "true", "True", "TRUE", NULL };
    static const char *const no[] = { "false", "False", "FALSE", NULL };
    if (!at->node || source->error[0])
        return false;
    if (is_plain(at->node) && one_of(at->node, yes))
        return true;
    if (!is_plain(at->node) || !one_of(at->node, no))
        source_fail(source, at, "must be true or false");
    return false;
}
