#include "common/options.h"

#include "common/clock.h"
#include "common/memory.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELP_COLUMN 30
#define HELP_WIDTH  80

/* Codes that getopt_long returns: a row's index is offset so that it cannot be '?' or ':'. */
enum { CODE_HELP = 1000, CODE_VERSION, CODE_ROWS };

static const struct {
    const char *unit;
    uint64_t us;
} units[] = {
    { "ms", US_PER_MS },        { "s", US_PER_SECOND },         { "m", US_PER_MINUTE },
    { "h", 60 * US_PER_MINUTE }, { "d", 24 * 60 * US_PER_MINUTE },
};
#define UNITS (sizeof(units) / sizeof(units[0]))

static bool parse_count(const char *text, const char **rest, uint64_t *count)
{
    uint64_t value = 0;
    const char *at = text;

    for (; *at >= '0' && *at <= '9'; at++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
            return false;
    }
    *rest = at;
    *count = value;
    return at > text;
}

bool options_duration(const char *text, uint64_t *us)
{
    const char *unit;
    uint64_t count;

    if (!parse_count(text, &unit, &count))
        return false;
    for (size_t i = 0; i < UNITS; i++) {
        if (strcmp(unit, units[i].unit) == 0)
            return !__builtin_mul_overflow(count, units[i].us, us);
    }
    return false;
}

/* The largest unit that writes the duration without a remainder. */
static void print_duration(uint64_t us, char *text, size_t cap)
{
    for (size_t i = UNITS; i-- > 0;) {
        if (us % units[i].us == 0 && (us > 0 || i == 1)) {
            snprintf(text, cap, "%llu%s", (unsigned long long)(us / units[i].us), units[i].unit);
            return;
        }
    }
    snprintf(text, cap, "%lluus", (unsigned long long)us);
}

static void print_value(const struct option_row *row, uint64_t value, char *text, size_t cap)
{
    if (row->kind == OPTION_DURATION)
        print_duration(value, text, cap);
    else
        snprintf(text, cap, "%llu", (unsigned long long)value);
}

static bool set_number(const struct options *spec, const struct option_row *row, const char *text)
{
    const char *rest = "";
    uint64_t value = 0;
    bool read = row->kind == OPTION_DURATION ? options_duration(text, &value)
                                             : parse_count(text, &rest, &value) && *rest == '\0';

    if (!read || value < row->least || value > row->most) {
        char least[32], most[32];
        print_value(row, row->least, least, sizeof(least));
        print_value(row, row->most, most, sizeof(most));
        fprintf(stderr, "%s: --%s=%s: must be %s from %s to %s\n", spec->program, row->name, text,
                row->kind == OPTION_DURATION ? "a duration (300ms, 10s, 5m, 2h, 30d)" : "a number",
                least, most);
        return false;
    }
    *(uint64_t *)row->at = value;
    return true;
}

static bool set_choice(const struct options *spec, const struct option_row *row, const char *text)
{
    for (unsigned i = 0; row->choices[i] != NULL; i++) {
        if (strcmp(text, row->choices[i]) == 0) {
            *(unsigned *)row->at = i;
            return true;
        }
    }
    fprintf(stderr, "%s: --%s=%s: must be one of", spec->program, row->name, text);
    for (unsigned i = 0; row->choices[i] != NULL; i++)
        fprintf(stderr, "%s %s", i > 0 ? "," : "", row->choices[i]);
    fputc('\n', stderr);
    return false;
}

static bool set_text(const struct options *spec, const struct option_row *row, const char *text)
{
    if (*text == '\0') {
        fprintf(stderr, "%s: --%s: must not be empty\n", spec->program, row->name);
        return false;
    }
    if (row->kind == OPTION_TEXT) {
        *(const char **)row->at = text;
        return true;
    }
    struct option_texts *texts = row->at;
    size_t most = sizeof(texts->text) / sizeof(texts->text[0]);
    if (texts->count == most) {
        fprintf(stderr, "%s: --%s: given more than %zu times\n", spec->program, row->name, most);
        return false;
    }
    texts->text[texts->count++] = text;
    return true;
}

static bool set(const struct options *spec, const struct option_row *row, const char *text)
{
    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)row->at = true;
        return true;
    case OPTION_TEXT:
    case OPTION_TEXTS:
        return set_text(spec, row, text);
    case OPTION_COUNT:
    case OPTION_DURATION:
        return set_number(spec, row, text);
    case OPTION_CHOICE:
        return set_choice(spec, row, text);
    }
    return false;
}

/* Words of TEXT in lines that begin at HELP_COLUMN; the first line is already there. */
static void print_wrapped(const char *text)
{
    int column = HELP_COLUMN;

    while (*text != '\0') {
        size_t word = strcspn(text, " ");
        if (column > HELP_COLUMN && column + 1 + (int)word > HELP_WIDTH) {
            printf("\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        }
        column += printf("%s%.*s", column > HELP_COLUMN ? " " : "", (int)word, text);
        text += word + strspn(text + word, " ");
    }
    fputc('\n', stdout);
}

static void print_default(const struct option_row *row, char *text, size_t cap)
{
    char value[64];

    *text = '\0';
    if (row->required)
        snprintf(text, cap, " (required)");
    else if (row->kind == OPTION_CHOICE)
        snprintf(text, cap, " (default %s)", row->choices[*(const unsigned *)row->at]);
    else if (row->kind == OPTION_TEXT && *(const char *const *)row->at != NULL)
        snprintf(text, cap, " (default %s)", *(const char *const *)row->at);
    else if (row->kind == OPTION_COUNT || row->kind == OPTION_DURATION) {
        print_value(row, *(const uint64_t *)row->at, value, sizeof(value));
        snprintf(text, cap, " (default %s)", value);
    } else if (row->kind == OPTION_TEXTS)
        snprintf(text, cap, " (may be repeated)");
}

static void print_choices(const struct option_row *row, char *text, size_t cap)
{
    *text = '\0';
    for (size_t i = 0; row->choices[i] != NULL; i++) {
        size_t used = strlen(text);
        snprintf(text + used, cap - used, "%s%s", i > 0 ? "|" : "", row->choices[i]);
    }
}

static void print_row(const char *name, const char *value, const char *help)
{
    int width = printf("  --%s%s%s", name, value != NULL ? "=" : "", value != NULL ? value : "");

    if (width >= HELP_COLUMN)
        printf("\n%*s", HELP_COLUMN, "");
    else
        printf("%*s", HELP_COLUMN - width, "");
    print_wrapped(help);
}

static void print_help(const struct options *spec)
{
    printf("Usage: %s [OPTION]...%s%s\n%s\n\n", spec->program, spec->operands != NULL ? " " : "",
           spec->operands != NULL ? spec->operands : "", spec->summary);
    for (const struct option_row *row = spec->rows; row->name != NULL; row++) {
        char initial[256], choices[256], help[1024];
        const char *value = row->value;
        if (row->kind == OPTION_CHOICE) {
            print_choices(row, choices, sizeof(choices));
            value = choices;
        }
        print_default(row, initial, sizeof(initial));
        snprintf(help, sizeof(help), "%s%s", row->help, initial);
        print_row(row->name, row->kind == OPTION_FLAG ? NULL : value, help);
    }
    print_row("help", NULL, "print this and exit");
    print_row("version", NULL, "print the version and exit");
}

static struct option *long_options(const struct options *spec, size_t count)
{
    struct option *all = xcalloc(count + 3, sizeof(*all));

    for (size_t i = 0; i < count; i++)
        all[i] = (struct option){ spec->rows[i].name,
                                  spec->rows[i].kind == OPTION_FLAG ? no_argument
                                                                    : required_argument,
                                  NULL, CODE_ROWS + (int)i };
    all[count] = (struct option){ "help", no_argument, NULL, CODE_HELP };
    all[count + 1] = (struct option){ "version", no_argument, NULL, CODE_VERSION };
    return all;
}

static enum options_outcome read_all(const struct options *spec, size_t count, int argc,
                                     char **argv, const struct option *all, bool *given)
{
    int code;

    optind = 0; /* glibc: forget an earlier scan */
    opterr = 0;
    /* '+': operands end the options; ':': a missing value is told from an unknown option. */
    while ((code = getopt_long(argc, argv, "+:", all, NULL)) != -1) {
        if (code == CODE_HELP) {
            print_help(spec);
            return OPTIONS_DONE;
        }
        if (code == CODE_VERSION) {
            printf("%s %s\n", spec->program, LASTGASP_VERSION);
            return OPTIONS_DONE;
        }
        if (code < CODE_ROWS || (size_t)(code - CODE_ROWS) >= count) {
            fprintf(stderr, "%s: %s: %s; see --help\n", spec->program, argv[optind - 1],
                    code == ':' ? "needs a value" : "no such option, or a value it does not take");
            return OPTIONS_USAGE;
        }
        if (!set(spec, &spec->rows[code - CODE_ROWS], optarg))
            return OPTIONS_USAGE;
        given[code - CODE_ROWS] = true;
    }
    for (size_t i = 0; i < count; i++) {
        if (spec->rows[i].required && !given[i]) {
            fprintf(stderr, "%s: --%s=%s is required; see --help\n", spec->program,
                    spec->rows[i].name, spec->rows[i].value);
            return OPTIONS_USAGE;
        }
    }
    return OPTIONS_RUN;
}

enum options_outcome options_parse(const struct options *spec, int argc, char **argv, int *operands)
{
    size_t count = 0;
    while (spec->rows[count].name != NULL)
        count++;

    struct option *all = long_options(spec, count);
    bool *given = xcalloc(count + 1, sizeof(*given));
    enum options_outcome outcome = read_all(spec, count, argc, argv, all, given);
    free(all);
    free(given);
    if (outcome != OPTIONS_RUN)
        return outcome;
    if (optind < argc && spec->operands == NULL) {
        fprintf(stderr, "%s: %s: takes no operands; see --help\n", spec->program, argv[optind]);
        return OPTIONS_USAGE;
    }
    if (operands != NULL)
        *operands = optind;
    return OPTIONS_RUN;
}
