#pragma once

#include "common/address.h"

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * A filter for a UDP socket that lets in whoever may be a Node and nobody else (classic BPF, which
 * needs no privilege): for while the kernel's queue is about to overflow, so that what is lost then
 * is not a Node's.  Pure.
 */
#define DOOR_RANGES 256
#define DOOR_MAX    (8 * DOOR_RANGES + 16) /* instructions; the kernel takes 4096 */

/* Writes a program for COUNT addresses and returns its length. */
size_t door_build(const struct address *nodes, size_t count, struct sock_filter program[DOOR_MAX]);
