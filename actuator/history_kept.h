#pragma once

#include <stdio.h>

/* KEPT, the JSON that bodies_kept() made of a Node before it was deleted, a line each label,
 * annotation and taint. */
void history_kept_text(const char *kept, FILE *out);
