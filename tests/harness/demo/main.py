"""What a person sees who runs tests/demo; the exit status tells whether all of it came true."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from tests.harness import captures
from tests.harness.demo import cluster, screen, views
from tests.harness.demo.programs import ALIVE, PORT, Programs
from tests.harness.demo.watcher import Watcher
from tests.harness.pipeline import incidents
from tests.harness.programs import binary

CAPTURE = "6.12/cfgsys-oopspanic"
FORGERY = "Kernel panic - not syncing: Fatal exception"
TELLING = re.compile(rb"BUG: |RIP: 0010|Comm: insmod Tainted|Kernel panic|Kernel Offset")


def forge(where, programs: Programs) -> bool:
    """Whether a machine that lives comes to no harm."""
    began = time.time()
    where.machines[cluster.VICTIM].send(FORGERY.encode(), PORT)
    screen.line(f"from {cluster.ADDRESSES[cluster.VICTIM]}: {FORGERY}", screen.RED)
    programs.show_until(lambda: "is alive, not acted on" in programs.correlator.log(), began, 30,
                        "the forgery is seen through")
    node = where.api.get(f"{cluster.NODES}/{cluster.VICTIM}")
    whole = (not incidents(programs.state) and not views.our_events(where.api)
             and not node.get("spec", {}).get("unschedulable"))
    screen.line("So nothing is done: no incident, no Event, nothing on the Node." if whole
                else "Something was done to it!", screen.GREEN if whole else screen.RED)
    return whole


def text_of(datagram: bytes) -> str:
    return datagram.split(b"\n")[0].decode(errors="replace")


def panic(where) -> float:
    """The victim sends its last words and falls silent; returns when its panic line left."""
    panicked = before = 0.0
    sent = captures.datagrams(CAPTURE)
    for at, data in sent:
        time.sleep(min(max(at - before, 0.0), 0.3))
        before = at
        where.machines[cluster.VICTIM].send(data, PORT)
        is_panic = b";Kernel panic - not syncing" in data
        if is_panic:
            panicked = time.time()
        if TELLING.search(data):
            colour = [screen.RED] if is_panic else []
            screen.line(f"{at * 1000:8.1f} ms  {text_of(data)}", *colour)
    where.victim_dies()
    screen.line(f"{len(sent)} datagrams in all; now its link is down", screen.DIM)
    return panicked


def look_next(folder: pathlib.Path, programs: Programs, incident: str, kept: bool) -> None:
    if not kept:
        screen.line("tests/demo --keep   the same, left running, to look around")
        screen.line("tests/demo --real   the same against a real kube-apiserver")
        screen.line("README.md           what each part does, and what it will never do")
        return
    screen.line(f"{binary('lastgasp-incidents')} --state={programs.state} show {incident}")
    screen.line(f"{binary('lastgasp-incidents')} --control={programs.control_socket} pause")
    screen.line(f"socat -b 65536 - UNIX-CONNECT:{programs.correlator_socket},type=5   "
                "(plays the listener)")
    screen.line(f"socat -b 65536 - UNIX-CONNECT:{programs.actuator_socket},type=5   "
                "(plays the correlator)")
    screen.line(f"logs: {folder}/*.log")
    screen.line("Ctrl-C ends all of it.")
    try:
        signal.pause()
    except KeyboardInterrupt:
        print()


def show_death(where, programs: Programs) -> tuple[bool, str]:
    """Whether the panic was acted on, and its incident."""
    api = where.api
    pods, nodes = Watcher(api, cluster.PODS), Watcher(api, cluster.NODES)
    screen.heading(f"4. {cluster.VICTIM}'s kernel panics (a real 6.12 kernel did, and sent this)")
    panicked = panic(where)
    screen.heading("5. What lastgasp says, as it comes in")
    # A Job's controller takes its finalizer off first, which can take it some seconds.
    programs.show_until(lambda: "closed as deleted" in programs.actuator.log()
                        and cluster.VICTIM in nodes.gone and views.are_gone(pods), panicked, 45,
                        "the pods and the Node are gone")
    time.sleep(0.5)  # the history is written within 200 ms
    gone_s = nodes.gone[cluster.VICTIM] - panicked
    screen.heading(f"6. The Node was gone {gone_s:.2f} s after the panic line. The history says:")
    (incident,) = [row["id"][:8] for row in incidents(programs.state)]
    for row in programs.history(incident):
        screen.line(row)
    screen.heading("7. What each pod's watchers saw last")
    told = views.show_pods(pods, panicked)
    screen.heading("8. Events for the node, the pods and their owners")
    return views.show_events(api) and told, incident


def show_all(where, folder: pathlib.Path) -> bool:
    kept = os.environ.get("DEMO_KEEP") == "yes"
    screen.heading(f"1. A small cluster, on {where.title}")
    screen.line("Each node is a network namespace in which a kubelet's port answers.", screen.DIM)
    screen.line(f"To keep this short, its Lease lasts {cluster.LEASE_S} s, not 40 s, and who answers "
                f"for {ALIVE}, not 30 s, is alive.", screen.DIM)
    views.show_cluster(where.api)
    screen.heading("2. lastgasp starts, as three programs")
    programs = Programs(folder, where)
    try:
        screen.heading(f"3. A forgery: a program on {cluster.VICTIM} sends what a kernel would")
        unharmed = forge(where, programs)
        acted_on, incident = show_death(where, programs)
        screen.heading("9. The cluster after")
        where.wait_recovered()
        views.show_cluster(where.api)
        screen.heading("10. What to look at next")
        look_next(folder, programs, incident, kept)
        return unharmed and acted_on
    except AssertionError:
        print(programs.logs(), file=sys.stderr)
        raise
    finally:
        programs.stop()


def main() -> int:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)  # of a namespace of our own
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that all is cleaned up
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lastgasp-demo-"))
    try:
        with cluster.chosen() as where:
            whole = show_all(where, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print()
    screen.line("All of it came true." if whole else "NOT all of it came true; see above.",
                screen.GREEN if whole else screen.RED)
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
