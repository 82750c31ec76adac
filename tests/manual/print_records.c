/*
 * Prints the table of records for whoever compares a text with it.  A line a record type:
 *   type NAME FROM,... TO,... acknowledged|best-effort
 * and behind it one for each of its fields, in their order, with its choices if it has any:
 *   field NAME KIND MAX required|optional [CHOICE,...]
 */
#include "common/record.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const kinds[] = {
    [FIELD_TEXT] = "text",     [FIELD_COUNT] = "count", [FIELD_FLAG] = "flag",
    [FIELD_CHOICE] = "choice", [FIELD_LINES] = "lines", [FIELD_PAIRS] = "pairs",
    [FIELD_COUNTS] = "counts",
};

static void print_roles(unsigned bits)
{
    const char *separator = " ";

    for (unsigned role = 0; role_names[role] != NULL; role++) {
        if ((bits & 1u << role) == 0)
            continue;
        printf("%s%s", separator, role_names[role]);
        separator = ",";
    }
}

static void print_choices(const struct field *field)
{
    const char *separator = " ";

    for (unsigned i = 0; field->choices[i] != NULL; i++) {
        if (*field->choices[i] == '\0')
            continue;
        printf("%s%s", separator, field->choices[i]);
        separator = ",";
    }
}

static void print_field(const struct field *field)
{
    printf("field %s %s %" PRIu64 " %s", field->name, kinds[field->kind], field->max,
           field->required ? "required" : "optional");
    if (field->kind == FIELD_CHOICE)
        print_choices(field);
    putchar('\n');
}

int main(void)
{
    for (unsigned kind = 0; kind < RECORD_KINDS; kind++) {
        const struct record_type *type = &record_types[kind];

        printf("type %s", type->name);
        print_roles(type->from);
        print_roles(type->to);
        printf(" %s\n", type->acknowledged ? "acknowledged" : "best-effort");
        for (const struct field *field = type->fields; field->name != NULL; field++)
            print_field(field);
    }
    return 0;
}
