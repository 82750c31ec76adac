#include "correlator/answer.h"

#include <errno.h>
#include <stddef.h>

/* What is not in the table is ours: an error that nobody thought of proves nothing. */
static const struct {
    int error;
    enum answer answer;
} rows[] = {
    { 0, ANSWER_YES },
    { ECONNREFUSED, ANSWER_YES },  /* a reset: the kernel lives, whether or not its kubelet does */
    { ECONNRESET, ANSWER_YES },    /* the same, after its SYN-ACK */
    { ETIMEDOUT, ANSWER_NONE },    /* all SYNs are unanswered */
    { EHOSTUNREACH, ANSWER_NONE }, /* nobody answers ARP or neighbour discovery for it, here or (as
                                      ICMP) at its last router */
    { EHOSTDOWN, ANSWER_NONE },    /* the same from older routers: ICMP host unknown or isolated */
    /* ENETUNREACH, ENETDOWN: we, or a router between, have no route; EADDRNOTAVAIL: out of ports;
     * EMFILE, ENFILE, ENOBUFS, ENOMEM: out of descriptors or memory; EPERM, EACCES: a firewall of
     * this host; EAFNOSUPPORT: no such protocol here: all ours. */
};

enum answer answer_of(int error)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].error == error)
            return rows[i].answer;
    }
    return ANSWER_OURS;
}
