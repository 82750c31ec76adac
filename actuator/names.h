#pragma once

#include "common/record.h"

/*
 * The names that lastgasp writes on objects.  Those of annotations and conditions carry the
 * annotation domain (--domain), so they are put together once, at start.  The public contract of
 * the termination annotations is Netflix' titus-kube-common; the reason code "kernel-panic" is
 * ours.
 */
#define NAMES_CAUSES 6 /* as many as enum cause has */

struct names {
    char *pod_reason, *pod_reason_code, *pod_reason_detail, *pod_by_caller;
    char *node_reason, *node_by_caller;
    char *node_set; /* annotation: what we set on this Node, for whoever undoes it;
                       and a label, by which such Nodes are found */
    char *node_lastgasp, *pod_lastgasp; /* how far one may go: see optouts.c */
    char *condition[NAMES_CAUSES];      /* of a pod, by enum cause: "DOMAIN/KernelPanic" */
};

struct names *names_new(const char *domain);
void names_free(struct names *names);

/* "NodeKernelPanic": status.reason, the conditions' reason and the Events', by cause. */
const char *names_reason(enum cause cause);

/* "kernel panic": what happened, in words for people, by cause. */
const char *names_cause(enum cause cause);
const char *names_preposition(enum cause cause); /* "on", "of": what goes between it and the node */

/* Who speaks: the field manager, the Events' controller, the caller in annotations. */
#define NAMES_CALLER "lastgasp"

/* Kubernetes' own (KEP-2268, KEP-3329, pkg/kubelet/types). */
#define NAMES_OUT_OF_SERVICE       "node.kubernetes.io/out-of-service"
#define NAMES_OUT_OF_SERVICE_VALUE "nodeshutdown"
#define NAMES_DISRUPTION_TARGET    "DisruptionTarget"
#define NAMES_MIRROR               "kubernetes.io/config.mirror"
#define NAMES_ZONE                 "topology.kubernetes.io/zone"
