#pragma once

#include "listener/netconsole.h"

/*
 * The file of --require-token.  It is read again when a panic comes and it is another file than it
 * was, looked at once a second at most; one that cannot be used is logged, and the tokens that were
 * read before stay good.
 */
struct token_file;

#define TOKEN_FILE_ERROR_SIZE 512

/* NULL, with a message that names file and line in ERROR: also when group or others may do anything
 * with it.  PATH is kept, not copied. */
struct token_file *token_file_open(const char *path, char error[TOKEN_FILE_ERROR_SIZE]);
void token_file_free(struct token_file *file);

bool token_file_accepts(struct token_file *file, struct span dictionary, uint64_t now_us);
