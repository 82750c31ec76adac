#pragma once

#include "listener/netconsole.h"

/*
 * The tokens that a panic may carry in its userdata.  Pure: the text of the file goes in.
 *
 * A line is `TOKEN`, good for every node, or `NODE TOKEN`, good only where userdata says that node;
 * empty ones and those that begin with '#' are skipped.  Several lines may be good for one node, so
 * that tokens can be changed one node after the other.
 */
#define TOKEN_MIN  16
#define TOKEN_MAX  200 /* what netconsole takes as a value (MAX_USERDATA_VALUE_LENGTH) */
#define TOKENS_MAX 16384

struct tokens;

/* NULL with the number of the line (0: the whole) and what is wrong with it; never with a token. */
struct tokens *tokens_parse(struct span text, size_t *line, const char **why);
void tokens_free(struct tokens *tokens);

/* Whether DICTIONARY has a token that is good for the node that it names. */
bool tokens_accept(const struct tokens *tokens, struct span dictionary);
