#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <yaml.h>

/*
 * A YAML file that people wrote, read by looking up what we want.  The first thing that is wrong
 * is kept in ERROR as "FILE:LINE: field: what"; after it every look-up finds nothing, so that a
 * caller asks for all it needs and checks once.
 */
struct source {
    const char *path;
    yaml_document_t document;
    char *error;
    size_t error_size;
};

/* A node and what it is called in messages ("users[0].user"); node NULL: it is not there. */
struct place {
    const yaml_node_t *node;
    char name[160];
};

/* Parses SIZE bytes, the content of PATH, of which there must be exactly one document.  False with
 * ERROR filled; after true, source_close(). */
bool source_open(struct source *source, const char *path, const char *bytes, size_t size,
                 char *error, size_t error_size);
void source_close(struct source *source);

void source_fail(struct source *source, const struct place *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

struct place source_root(struct source *source);
/* A mapping's member; one that is null counts as absent, one that is there twice as an error. */
struct place source_member(struct source *source, const struct place *mapping, const char *key);
/* The element of a list of mappings whose "name" is NAME; two of them are an error. */
struct place source_named(struct source *source, const struct place *list, const char *name);

/* A scalar's text, the caller's to free; NULL when it is absent or empty. */
char *source_text(struct source *source, const struct place *at);
bool source_flag(struct source *source, const struct place *at);
