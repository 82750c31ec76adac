/*
 * The list of metrics, and nothing else.  In the order in which they are served.
 */
#include "common/metrics.h"

#include <string.h>

#define L     ROLE_LISTENER
#define C     ROLE_CORRELATOR
#define A     ROLE_ACTUATOR
#define COUNT METRIC_COUNTER
#define GAUGE METRIC_GAUGE

/* clang-format off */
#define LISTENER(counter, name, help) { L, counter, COUNT, "lastgasp_listener_" name, NULL, help }
#define CORRELATOR(counter, name, help)                                                            \
    { C, counter, COUNT, "lastgasp_correlator_" name, NULL, help }
#define ACTUATOR(counter, name, help) { A, counter, COUNT, "lastgasp_actuator_" name, NULL, help }

/* One counter under several labels. */
#define DATAGRAMS(counter, kind, help)                                                             \
    { L, counter, COUNT, "lastgasp_listener_datagrams_total", "kind=\"" kind "\"", help }
#define VERDICTS(counter, help)                                                                    \
    { C, counter, COUNT, "lastgasp_correlator_verdicts_total", "verdict=\"" counter "\"", help }
#define PROBES(counter, use, help)                                                                 \
    { C, counter, COUNT, "lastgasp_correlator_probes_total", "use=\"" use "\"", help }
#define OUTCOMES(outcome, help)                                                                    \
    { A, "closed_" outcome, COUNT, "lastgasp_actuator_incidents_closed_total",                     \
      "outcome=\"" outcome "\"", help }
#define MODES(mode, help)                                                                          \
    { A, "mode_" mode, GAUGE, "lastgasp_actuator_mode", "mode=\"" mode "\"", help }
#define STEPS(of, step, help)                                                                      \
    { of, step, METRIC_HISTOGRAM, "lastgasp_panic_to_step_seconds", "step=\"" step "\"", help }

/* Both ends of an edge count alike, whichever stage it is. */
#define DOWNSTREAM(counter, name, help)                                                            \
    { L, counter, COUNT, "lastgasp_downstream_" name, "stage=\"listener\"", help },                \
        { C, counter, COUNT, "lastgasp_downstream_" name, "stage=\"correlator\"", NULL }
#define UPSTREAM(counter, name, help)                                                              \
    { C, counter, COUNT, "lastgasp_upstream_" name, "stage=\"correlator\"", help },                \
        { A, counter, COUNT, "lastgasp_upstream_" name, "stage=\"actuator\"", NULL }

/* clang-format on */

const struct metric metrics[] = {
    { C, "up_listener", GAUGE, "lastgasp_stage_up", "stage=\"listener\"",
      "How many of this stage are connected and have sent their counters lately." },
    { C, "up_correlator", GAUGE, "lastgasp_stage_up", "stage=\"correlator\"", NULL },
    { C, "up_actuator", GAUGE, "lastgasp_stage_up", "stage=\"actuator\"", NULL },
    { C, "connected_listener", GAUGE, "lastgasp_stage_connected", "stage=\"listener\"",
      "Connections of this stage (of a person with socat, too)." },
    { C, "connected_actuator", GAUGE, "lastgasp_stage_connected", "stage=\"actuator\"", NULL },
    { C, "started_us", GAUGE, "lastgasp_correlator_start_time_seconds", NULL,
      "When the correlator was started, since the epoch: it does not remember who was heard "
      "before." },

    /* From the datagram to each step. */
    STEPS(C, "known", "From a panic's datagram to each step that was taken because of it."),
    STEPS(C, "judged", NULL),
    STEPS(A, "recorded", NULL),
    STEPS(A, "told", NULL),
    STEPS(A, "pod_gone", NULL),
    STEPS(A, "node_deleted", NULL),
    STEPS(A, "closed", NULL),

    /* The listener. */
    LISTENER("datagrams", "received_datagrams_total", "Datagrams read."),
    LISTENER("bytes", "received_bytes_total", "Bytes of the datagrams read."),
    DATAGRAMS("datagrams_basic", "basic", "Datagrams by what they are."),
    DATAGRAMS("datagrams_extended", "extended", NULL),
    DATAGRAMS("datagrams_fragment", "fragment", NULL),
    DATAGRAMS("datagrams_malformed", "malformed", NULL),
    DATAGRAMS("datagrams_empty", "empty", NULL),
    DATAGRAMS("datagrams_oversized", "oversized", NULL),
    LISTENER("queue_drops", "queue_drops_total",
             "Datagrams that the kernel dropped: the socket's queue was full, or IPAddressAllow= "
             "keeps out who sent them."),
    LISTENER("kernel_records", "kernel_records_total", "Lines of kernels read."),
    LISTENER("panics", "panics_total", "Panics reported to the correlator."),
    LISTENER("halts", "halts_total", "Orderly ends reported to the correlator."),
    LISTENER("forged", "forged_total", "Panic lines that a program wrote to /dev/kmsg."),
    LISTENER("unauthenticated", "unauthenticated_total", "Panics without a token that is good."),
    LISTENER("duplicates", "duplicates_total", "Panics that are known already."),
    LISTENER("stale", "stale_total", "Panics in old text that a module load replayed."),
    LISTENER("lastgasp_lines", "lastgasp_lines_total", "Lines that begin with \"lastgasp: \"."),
    LISTENER("heartbeats", "heartbeats_total", "Heartbeats of Nodes told to the correlator."),
    LISTENER("drills", "drills_total", "Drills reported to the correlator."),
    LISTENER("lates", "lates_total", "Late words of a death reported to the correlator."),
    LISTENER("lastgasp_lines_skipped", "lastgasp_lines_skipped_total",
             "Drills and late words that came too often, twice, or while too much else waits."),
    LISTENER("traces", "traces_total", "Parts of traces sent."),
    LISTENER("traces_lost", "traces_lost_total", "Parts of traces that found no room."),
    LISTENER("speaks", "speaks_total", "Hints that a source speaks after its panic."),
    LISTENER("node_replaced", "node_panics_replaced_total",
             "Panics of a Node's address that newer ones of that address replaced."),
    LISTENER("other_replaced", "other_panics_replaced_total",
             "Panics of strangers' addresses that newer ones replaced."),
    LISTENER("node_slots_full", "node_slots_full_total",
             "Datagrams left unread because all slots for Nodes' panics were taken."),
    LISTENER("sources_displaced", "sources_displaced_total",
             "Sources that were forgotten to make room for others."),
    LISTENER("addresses_refused", "addresses_refused_total",
             "Nodes' addresses that could not be kept."),
    { L, "node_slots_used", GAUGE, "lastgasp_listener_node_slots_used", NULL,
      "Panics and halts of Nodes' addresses that are not acknowledged." },
    { L, "node_slots", GAUGE, "lastgasp_listener_node_slots", NULL,
      "How many of them the pending file has room for." },
    { L, "other_slots_used", GAUGE, "lastgasp_listener_other_slots_used", NULL,
      "Panics and halts of strangers' addresses that are not acknowledged." },
    { L, "reading", GAUGE, "lastgasp_listener_reading", NULL,
      "1 while datagrams are read, 0 when all slots for Nodes' panics are taken." },
    { L, "node_addresses", GAUGE, "lastgasp_listener_node_addresses", NULL,
      "Addresses that are Nodes', as the correlator told." },

    /* The correlator. */
    CORRELATOR("panics", "panics_total", "Panic records that came."),
    CORRELATOR("halts", "halts_total", "Halt records that came."),
    CORRELATOR("drills", "drills_total", "Drills that came."),
    CORRELATOR("lates", "lates_total", "Late words of a death that came."),
    CORRELATOR("heartbeats", "heartbeats_total", "Heartbeats of Nodes that came."),
    CORRELATOR("sent_again", "sent_again_total", "Records that were under way here already."),
    CORRELATOR("held", "held_total", "Panics held for want of a map, or of a Node."),
    CORRELATOR("no_room", "no_room_total", "Panics refused because too many are held."),
    VERDICTS("silent", "Panics by what was found out about their machine."),
    VERDICTS("unprobable", NULL),
    VERDICTS("unverified", NULL),
    VERDICTS("alive", NULL),
    VERDICTS("rebooted", NULL),
    VERDICTS("recreated", NULL),
    VERDICTS("expired", NULL),
    VERDICTS("mismatch", NULL),
    VERDICTS("drill", NULL),
    VERDICTS("late", NULL),
    VERDICTS("unknown", NULL),
    CORRELATOR("acknowledged", "acknowledged_total", "Panics acknowledged after their intent was."),
    CORRELATOR("intents_refused", "intents_refused_total", "Intents that the actuator refused."),
    CORRELATOR("traces", "traces_total", "Parts of traces passed on."),
    CORRELATOR("results", "results_total", "Results of incidents that came."),
    CORRELATOR("evidence", "evidence_total", "Times that silence was confirmed to the actuator."),
    CORRELATOR("retracts", "retracts_total", "Verdicts taken back."),
    CORRELATOR("opens", "opens_total", "Open incidents that the actuator told of."),
    CORRELATOR("speaks", "speaks_total", "Hints that a source speaks after its panic."),
    CORRELATOR("suspects", "suspects_total", "Machines that were probed because of a panic."),
    CORRELATOR("gaps", "gaps_total", "Times that our own loop stood still during a probe."),
    CORRELATOR("cut_off", "cut_off_total",
               "Times that a machine's witnesses were silent, too: it may be we who are cut off."),
    PROBES("probes_sweep", "sweep", "Connections begun to kubelets' ports."),
    PROBES("probes_witness", "witness", NULL),
    PROBES("probes_suspect", "suspect", NULL),
    CORRELATOR("probes_answered", "probes_answered_total", "Probes that were answered."),
    CORRELATOR("probes_unanswered", "probes_unanswered_total", "Probes that ended without answer."),
    CORRELATOR("probes_failed_here", "probes_failed_total",
               "Probes that our side could not begin."),
    CORRELATOR("probes_cut_short", "probes_cut_short_total", "Probes given up for newer ones."),
    CORRELATOR("leases_read", "leases_read_total", "Leases of Nodes read."),
    CORRELATOR("leases_not_read", "leases_failed_total", "Leases of Nodes that could not be read."),
    CORRELATOR("map_lists", "map_lists_total", "Whole lists of Nodes."),
    CORRELATOR("map_events", "map_events_total", "Changes of Nodes watched."),
    CORRELATOR("map_lost", "map_lost_total", "Lists and watches of Nodes that ended badly."),
    CORRELATOR("map_odd", "map_odd_total", "Nodes of which something was left out."),
    CORRELATOR("map_unusable", "map_unusable_total", "Nodes, or events, that could not be used."),
    CORRELATOR("metrics_requests", "http_requests_total", "Requests to this endpoint."),
    CORRELATOR("metrics_refused", "http_refused_total", "Of them, those that got no 200."),
    CORRELATOR("metrics_displaced", "http_displaced_total",
               "Connections to this endpoint closed to make room for newer ones."),
    { C, "map_whole", GAUGE, "lastgasp_correlator_map_whole", NULL,
      "1 once the list of Nodes was whole." },
    { C, "map_stale", GAUGE, "lastgasp_correlator_map_stale", NULL,
      "1 while there has been no watch for too long to rely on it: panics are held." },
    { C, "map_age_us", GAUGE, "lastgasp_correlator_map_age_seconds", NULL,
      "For how long there has been no watch of Nodes." },
    { C, "nodes", GAUGE, "lastgasp_correlator_nodes", NULL, "Nodes of the cluster." },
    { C, "nodes_probable", GAUGE, "lastgasp_correlator_nodes_probable", NULL,
      "Nodes that answered within --baseline: their silence would count." },
    { C, "nodes_heard", GAUGE, "lastgasp_correlator_nodes_heard", NULL,
      "Nodes that are heard over netconsole: within 24 h, and of those whose heartbeat is known "
      "within three of them; as far as the correlator ran." },
    { C, "nodes_mute", GAUGE, "lastgasp_correlator_nodes_mute", NULL,
      "The others: their panics would not be heard, as far as one can know." },
    { C, "ports", GAUGE, "lastgasp_correlator_kubelet_ports", NULL, "Kubelets' ports known." },
    { C, "ports_probable", GAUGE, "lastgasp_correlator_kubelet_ports_probable", NULL,
      "Kubelets' ports that answered within --baseline." },
    { C, "ports_untried", GAUGE, "lastgasp_correlator_kubelet_ports_untried", NULL,
      "Kubelets' ports that the sweep has not come to yet." },
    { C, "panics_open", GAUGE, "lastgasp_correlator_panics_open", NULL,
      "Panics and halts that are not acknowledged to a listener yet." },
    { C, "panics_held", GAUGE, "lastgasp_correlator_panics_held", NULL,
      "Of them, those for which there is no map, or no Node." },
    { C, "machines_probed", GAUGE, "lastgasp_correlator_machines_probed", NULL,
      "Machines that are probed because of a panic." },
    { C, "unacknowledged", GAUGE, "lastgasp_correlator_unacknowledged", NULL,
      "Intents and retracts that the actuator has not acknowledged yet." },

    /* The actuator. */
    ACTUATOR("intents", "intents_total", "Intents taken."),
    ACTUATOR("intents_refused", "intents_refused_total", "Intents refused."),
    ACTUATOR("evidence", "evidence_total", "Confirmations of silence that came."),
    ACTUATOR("retracts", "retracts_total", "Retracts that came."),
    ACTUATOR("traces", "traces_total", "Parts of traces that came."),
    ACTUATOR("incidents_opened", "incidents_opened_total", "New incidents."),
    ACTUATOR("incidents_reopened", "incidents_reopened_total", "Closed incidents taken up again."),
    ACTUATOR("incidents_merged", "incidents_merged_total", "Intents that joined an incident."),
    ACTUATOR("incidents_resumed", "incidents_resumed_total", "Incidents taken up after a restart."),
    OUTCOMES("deleted", "Incidents by how they ended."),
    OUTCOMES("pods-done", NULL),
    OUTCOMES("told", NULL),
    OUTCOMES("observed", NULL),
    OUTCOMES("dry-run", NULL),
    OUTCOMES("partial", NULL),
    OUTCOMES("refused", NULL),
    OUTCOMES("expired", NULL),
    OUTCOMES("mismatch", NULL),
    OUTCOMES("retracted", NULL),
    OUTCOMES("rebooted", NULL),
    OUTCOMES("recreated", NULL),
    OUTCOMES("node-gone", NULL),
    OUTCOMES("opted-out", NULL),
    OUTCOMES("left-to-owner", NULL),
    OUTCOMES("stranded", NULL),
    OUTCOMES("elsewhere", NULL),
    ACTUATOR("commits", "commits_total", "Commits of the incident database."),
    ACTUATOR("commits_us", "commit_seconds_total", "Time spent in them."),
    ACTUATOR("database_failures", "database_failures_total",
             "Commits that failed: nothing is acknowledged then."),
    ACTUATOR("database_slow_commits", "database_slow_commits_total",
             "Commits that took longer than a good disk ever does."),
    ACTUATOR("ledger_failures", "ledger_failures_total", "Requests to the ledger that failed."),
    ACTUATOR("requests", "requests_total", "Requests to the API server about incidents."),
    ACTUATOR("requests_throttled", "requests_throttled_total", "Of them, those answered 429."),
    ACTUATOR("requests_failed", "requests_failed_total", "Of them, those not answered, or by 5xx."),
    ACTUATOR("requests_refused", "requests_refused_total", "Of them, those answered by other 4xx."),
    ACTUATOR("requests_held_back", "requests_held_back_total",
             "Requests that were not sent, for the evidence was not fresh any more."),
    ACTUATOR("pods_marked", "pods_marked_total", "Pods marked."),
    ACTUATOR("pods_deleted", "pods_deleted_total", "Pods deleted."),
    ACTUATOR("nodes_marked", "nodes_marked_total", "Nodes annotated and cordoned."),
    ACTUATOR("nodes_tainted", "nodes_tainted_total", "Nodes tainted out of service."),
    ACTUATOR("nodes_cleared", "nodes_cleared_total", "Nodes of which what was set was undone."),
    ACTUATOR("nodes_deleted", "nodes_deleted_total", "Nodes deleted."),
    ACTUATOR("events_sent", "events_sent_total", "Events sent."),
    { A, "incidents_open", GAUGE, "lastgasp_actuator_incidents_open", NULL,
      "Incidents that have not ended." },
    { A, "incidents_held", GAUGE, "lastgasp_actuator_incidents_held", NULL,
      "Of them, those that wait: for a limit, a latch or a pause, or for evidence." },
    { A, "leads", GAUGE, "lastgasp_actuator_leads", NULL,
      "1 while this host may write to the cluster." },
    { A, "paused", GAUGE, "lastgasp_actuator_paused", NULL,
      "1 while a person has paused all hosts." },
    { A, "latched", GAUGE, "lastgasp_actuator_latched", NULL,
      "1 when too many Nodes at once stopped all hosts, until a person resumes." },
    { A, "nodes_touched", GAUGE, "lastgasp_actuator_nodes_touched", NULL,
      "Nodes that all hosts together touched within the window of the limits." },
    MODES("observe", "1 for the mode that the actuator is in."),
    MODES("annotate", NULL),
    MODES("pods", NULL),
    MODES("node", NULL),
    { A, "dry_run", GAUGE, "lastgasp_actuator_dry_run", NULL, "1 in a dry run." },

    /* The edges. */
    DOWNSTREAM("downstream_connects", "connects_total", "Connections to the next stage."),
    DOWNSTREAM("downstream_sent", "records_sent_total", "Records sent to the next stage."),
    DOWNSTREAM("downstream_resent", "records_resent_total", "Records that are to be sent again."),
    DOWNSTREAM("downstream_acknowledged", "records_acknowledged_total",
               "Records that the next stage has for good."),
    DOWNSTREAM("downstream_parked", "records_parked_total",
               "Records that the next stage refused; each is tried again every minute."),
    DOWNSTREAM("downstream_dropped", "records_dropped_total",
               "Records that found no room, of those that may be lost."),
    DOWNSTREAM("downstream_errors", "errors_total", "Errors that the next stage sent."),
    DOWNSTREAM("downstream_garbage", "garbage_total",
               "Connections ended for what the next stage sent."),
    UPSTREAM("upstream_peers", "peers_total", "Connections of the stage before."),
    UPSTREAM("upstream_packets", "packets_total", "Packets of the stage before."),
    UPSTREAM("upstream_records", "records_total", "Records of the stage before."),
    UPSTREAM("upstream_garbage", "garbage_total", "Peers closed for what they sent."),
    UPSTREAM("upstream_refused", "refused_total", "Records and peers refused."),
    UPSTREAM("upstream_dropped", "dropped_total",
             "Records for the stage before that found no room, of those that may be lost."),
    UPSTREAM("upstream_slow", "slow_total", "Peers closed because they did not read."),
    { 0 },
};

const struct metric_left_out metrics_left_out[] = {
    { A, "incidents_closed", "the sum of the outcomes" },
    { A, "stranded", "one of the outcomes" },
    { 0 },
};

const struct metric *metric_find(enum role of, const char *counter)
{
    const struct metric *row = metrics;
    while (row->name != NULL && (row->of != of || strcmp(row->counter, counter) != 0))
        row++;
    return row->name != NULL ? row : NULL;
}

bool metric_is_left_out(enum role of, const char *counter)
{
    const struct metric_left_out *row = metrics_left_out;
    while (row->counter != NULL && (row->of != of || strcmp(row->counter, counter) != 0))
        row++;
    return row->counter != NULL;
}
