#pragma once

#include <stdint.h>

#include "common/address.h"

/* A socket that is connecting to PORT of ADDRESS and will be reset when it is closed, so that
 * neither side keeps a TIME_WAIT.  -1 with errno when our side cannot: whatever fails at once says
 * nothing of the other end, for no packet has had the time to travel. */
int connect_begin(const struct address *address, uint16_t port);
