#pragma once

#include <stdbool.h>
#include <stddef.h>

struct answer_node;

/*
 * What lastgasp set on a Node, as the annotation node.DOMAIN/lastgasp-set lists it:
 * "boot=ID,annotations,label,unschedulable,out-of-service".  Whoever leads when the machine comes
 * back takes exactly that away again.  Pure.
 */
struct marks {
    char boot[65]; /* in which boot of the machine they were set */
    bool annotations, label, unschedulable, out_of_service;
};

#define MARKS_SIZE 160

/* Reads TEXT (NULL: there is no such annotation); false when it lists nothing that we know. */
bool marks_read(const char *text, struct marks *marks);
void marks_print(const struct marks *marks, char text[MARKS_SIZE]);

/* Whether NODE carries marks that were set in boot BOOT. */
bool marks_are_of(const struct answer_node *node, const char *boot);

/* Whether NODE carries marks of an earlier boot and is in service again: they are to go. */
bool marks_are_over(const struct answer_node *node);
