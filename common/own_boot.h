#pragma once

/* The boot id of the machine that we run on (/proc/sys/kernel/random/boot_id), as its Node would
 * name it; "" when it cannot be read.  Static. */
const char *own_boot(void);
