#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One table a program says everything about its options: what --help prints, what is checked and
 * where the value goes.  --help and --version are added by options_parse() itself.
 */
enum option_kind {
    OPTION_FLAG,     /* bool: present or not */
    OPTION_TEXT,     /* const char *: points into argv */
    OPTION_TEXTS,    /* struct option_texts: may be given several times */
    OPTION_COUNT,    /* uint64_t within least..most */
    OPTION_DURATION, /* uint64_t microseconds within least..most; written 300ms, 10s, 5m, 2h, 30d */
    OPTION_CHOICE,   /* unsigned: index into choices */
};

struct option_texts {
    size_t count;
    const char *text[16];
};

struct option_row {
    const char *name;       /* without the dashes */
    enum option_kind kind;
    void *at;               /* where the value goes; what is there before is the default */
    const char *value;      /* what --help calls the value: "FILE", "ADDR:PORT" */
    const char *help;       /* one sentence; options_parse() wraps it */
    uint64_t least, most;   /* COUNT, DURATION */
    const char *const *choices; /* CHOICE: NULL-terminated */
    bool required;
};

struct options {
    const char *program;
    const char *summary; /* a sentence or two: what the program does */
    const struct option_row *rows; /* ends with a row without a name */
    const char *operands;       /* what --help shows after the options, or NULL: none allowed */
};

enum options_outcome {
    OPTIONS_RUN,   /* go on */
    OPTIONS_DONE,  /* --help or --version was printed: exit 0 */
    OPTIONS_USAGE, /* the message is on standard error: exit 2 */
};

/*
 * Reads argv by SPEC.  An unknown option, a missing value or one that is out of range is named,
 * with the range, on standard error.  Operands are left to the caller: *OPERANDS is the index of
 * the first in argv (they must come after the options), argc when there is none; a program whose
 * spec has no operands gets OPTIONS_USAGE for one.
 */
enum options_outcome options_parse(const struct options *spec, int argc, char **argv,
                                   int *operands);

/* "10m" -> microseconds; false when it is not a duration or does not fit. */
bool options_duration(const char *text, uint64_t *us);
