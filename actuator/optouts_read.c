#include "actuator/optouts.h"

#include "common/log.h"
#include "common/own_boot.h"

bool optouts_read(struct optouts *optouts, enum mode mode, char *selector)
{
    optouts->own_boot = own_boot();
    if (!*optouts->own_boot && mode > MODE_OBSERVE) {
        log_error(
            "/proc/sys/kernel/random/boot_id cannot be read: the Node that this runs on would "
            "not be known, and might be removed");
        return false;
    }
    if (optouts_select(optouts, selector))
        return true;
    log_error("--node-selector: not of the form KEY=VALUE,KEY=VALUE, with at most %d of them",
              OPTOUTS_SELECTOR_MAX);
    return false;
}
