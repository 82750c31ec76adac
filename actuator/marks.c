#include "actuator/marks.h"

#include <stdio.h>
#include <string.h>

#include "actuator/answers.h"
#include "common/text.h"

#define BOOT "boot="

bool marks_read(const char *text, struct marks *marks)
{
    *marks = (struct marks){ 0 };
    const struct {
        const char *name;
        bool *is_set;
    } items[] = {
        { "annotations", &marks->annotations },
        { "label", &marks->label },
        { "unschedulable", &marks->unschedulable },
        { "out-of-service", &marks->out_of_service },
    };
    bool any = false;

    while (text && *text) {
        size_t size = strcspn(text, ",");
        if (size >= strlen(BOOT) && strncmp(text, BOOT, strlen(BOOT)) == 0)
            snprintf(marks->boot, sizeof(marks->boot), "%.*s", (int)(size - strlen(BOOT)),
                     text + strlen(BOOT));
        for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
            if (strlen(items[i].name) == size && strncmp(text, items[i].name, size) == 0)
                any = *items[i].is_set = true;
        }
        text += size + (text[size] == ',');
    }
    return any && marks->boot[0] != '\0';
}

void marks_print(const struct marks *marks, char text[MARKS_SIZE])
{
    size_t used = 0;

    text_append(text, MARKS_SIZE, &used, BOOT "%s", marks->boot);
    if (marks->annotations)
        text_append(text, MARKS_SIZE, &used, ",annotations");
    if (marks->label)
        text_append(text, MARKS_SIZE, &used, ",label");
    if (marks->unschedulable)
        text_append(text, MARKS_SIZE, &used, ",unschedulable");
    if (marks->out_of_service)
        text_append(text, MARKS_SIZE, &used, ",out-of-service");
}

bool marks_are_of(const struct answer_node *node, const char *boot)
{
    struct marks marks;
    return marks_read(node->set, &marks) && strcmp(marks.boot, boot) == 0;
}

bool marks_are_over(const struct answer_node *node)
{
    struct marks marks;
    return marks_read(node->set, &marks) && strcmp(marks.boot, node->boot) != 0 &&
           (node->ready == READY_TRUE || marks.out_of_service);
}
