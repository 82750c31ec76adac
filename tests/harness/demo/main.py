"""What a person sees who runs tests/demo; the exit status tells whether all of it came true."""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from tests.harness import captures
from tests.harness.demo import cluster, screen
from tests.harness.demo.watcher import Watcher
from tests.harness.programs import ROOT, Program, binary, run, wait_until

CAPTURE = "6.12/cfgsys-oopspanic"
PORT = 6666
TELLING = re.compile(rb"BUG: |RIP: 0010|Comm: insmod Tainted|Kernel panic|Kernel Offset")


class Programs:
    """The three programs, started as an operator would by hand."""

    def __init__(self, folder: pathlib.Path, where):
        self.state = folder / "state"
        self.state.mkdir()
        self.correlator_socket = folder / "correlator.sock"
        self.actuator_socket = folder / "actuator.sock"
        commands = [
            ("lastgasp-actuator", f"--socket={self.actuator_socket}", f"--state={self.state}",
             f"--kubeconfig={where.kubeconfig('actuator')}", "--mode=node", "--accept-unverified"),
            ("lastgasp-correlator", f"--socket={self.correlator_socket}",
             f"--to={self.actuator_socket}", f"--kubeconfig={where.kubeconfig('correlator')}",
             "--verify=none"),
            ("lastgasp-listener", f"--listen=127.0.0.1:{PORT}", f"--to={self.correlator_socket}",
             f"--pending={folder / 'pending'}"),
        ]
        self.running = []
        for command in commands:
            screen.line(" ".join(command), screen.DIM)
            self.running.append(Program(*command, folder=folder))
        self.running[1].wait_for(r"synced \d+ nodes", 20)

    def stop(self) -> None:
        for program in reversed(self.running):
            program.stop()

    def logs(self) -> str:
        return "".join(f"--- {p.name}\n{p.log()}" for p in self.running)


def show_cluster(api) -> None:
    pods = api.list(cluster.PODS)
    rows = []
    for node in api.list(cluster.NODES):
        name = node["metadata"]["name"]
        here = [f"{p['metadata']['name']} ({p['status'].get('phase')})" for p in pods
                if p["spec"].get("nodeName") == name]
        rows.append([name, cluster.ADDRESSES[name], ", ".join(sorted(here)) or "-"])
    screen.table(["NODE", "ADDRESS", "PODS"], rows)


def text_of(datagram: bytes) -> str:
    return datagram.split(b"\n")[0].decode(errors="replace")


def panic() -> float:
    """Sends the capture from the victim's address; returns when its panic line left."""
    panicked = 0.0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as kernel:
        kernel.bind((cluster.ADDRESSES[cluster.VICTIM], 0))
        before, sent = 0.0, captures.datagrams(CAPTURE)
        for at, data in sent:
            time.sleep(min(max(at - before, 0.0), 0.3))
            before = at
            kernel.sendto(data, ("127.0.0.1", PORT))
            is_panic = b";Kernel panic - not syncing" in data
            if is_panic:
                panicked = time.time()
            if TELLING.search(data):
                screen.line(f"{at * 1000:8.1f} ms  {text_of(data)}",
                            *([screen.RED] if is_panic else []))
    screen.line(f"{len(sent)} datagrams in all", screen.DIM)
    return panicked


def show_incident(state: pathlib.Path) -> str:
    listed = run("lastgasp-incidents", f"--state={state}", "list").stdout.splitlines()
    incident = listed[-1].split()[2]
    shown = run("lastgasp-incidents", f"--state={state}", "show", incident).stdout
    print("\n".join("  " + row for row in shown.split("\npanics heard")[0].splitlines()))
    return incident


def of_the_victim(pods: Watcher) -> dict[str, dict]:
    return {name: pod for name, pod in sorted(pods.last.items())
            if pod["spec"].get("nodeName") == cluster.VICTIM}


def is_daemon(pod: dict) -> bool:
    return pod["metadata"]["ownerReferences"][0]["kind"] == "DaemonSet"


def wait_for_pods(pods: Watcher) -> None:
    """A Job's controller takes its finalizer off first, which can take it some seconds."""
    wait_until(lambda: all(name in pods.gone or is_daemon(pod)
                           for name, pod in of_the_victim(pods).items()), 30, "the pods are gone")


def show_pods(pods: Watcher, panicked: float) -> bool:
    told = True
    for name, pod in of_the_victim(pods).items():
        owner = pod["metadata"]["ownerReferences"][0]
        annotations = pod["metadata"].get("annotations", {})
        conditions = {c["type"]: c["status"] for c in pod["status"].get("conditions", [])}
        fate = "left to the garbage collector, as daemons are"
        if name in pods.gone:
            fate = f"gone after {(pods.gone[name] - panicked) * 1000:.1f} ms"
        screen.line(f"{name} ({owner['kind']} {owner['name']}): "
                    f"{pod['status'].get('phase')}, {fate}", screen.BOLD)
        for key, value in sorted(annotations.items()):
            screen.line(f"    {key}: {value}")
        screen.line("    " + ", ".join(f"{type_}={status}" for type_, status in conditions.items()),
                    screen.DIM)
        told &= any("termination-reason" in key for key in annotations)
        told &= is_daemon(pod) or (name in pods.gone and pod["status"]["phase"] == "Failed")
    return told


def show_events(api) -> bool:
    events = [e for e in api.list("/apis/events.k8s.io/v1/namespaces/default/events")
              if "lastgasp" in e.get("reportingController", "")]
    for event in events:
        regarding = event.get("regarding", {})
        screen.line(f"{regarding.get('kind')} {regarding.get('name')}: {event['note']}")
    return bool(events)


def look_next(folder: pathlib.Path, programs: Programs, incident: str, kept: bool) -> None:
    if not kept:
        screen.line("tests/demo --keep   the same, left running, to look around")
        screen.line("tests/demo --real   the same against a real kube-apiserver")
        screen.line("README.md           what each part does, and what it will never do")
        return
    screen.line(f"{binary('lastgasp-incidents')} --state={programs.state} show {incident}")
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


def show_all(where, folder: pathlib.Path) -> bool:
    api, kept = where.api, os.environ.get("DEMO_KEEP") == "yes"
    screen.heading(f"1. A small cluster, on {where.title}")
    show_cluster(api)
    screen.heading("2. lastgasp starts, as three programs")
    programs = Programs(folder, where)
    try:
        pods, nodes = Watcher(api, cluster.PODS), Watcher(api, cluster.NODES)
        screen.heading(f"3. {cluster.VICTIM}'s kernel panics (a real 6.12 kernel did, and sent this)")
        where.victim_dies()
        panicked = panic()
        wait_until(lambda: cluster.VICTIM in nodes.gone, 30, "the Node is gone")
        gone_ms = (nodes.gone[cluster.VICTIM] - panicked) * 1000
        screen.heading(f"4. The Node was gone {gone_ms:.1f} ms after the panic line. Step by step:")
        wait_for_pods(pods)
        time.sleep(0.5)  # the history is written within 200 ms
        incident = show_incident(programs.state)
        screen.heading("5. What each pod's watchers saw last")
        told = show_pods(pods, panicked)
        screen.heading("6. Events for the node, the pods and their owners")
        told &= show_events(api)
        screen.heading("7. The cluster after")
        where.wait_recovered()
        show_cluster(api)
        screen.heading("8. What to look at next")
        look_next(folder, programs, incident, kept)
        return told
    except AssertionError:
        print(programs.logs(), file=sys.stderr)
        raise
    finally:
        programs.stop()


def main() -> int:
    if os.geteuid() == 0:  # in a namespace of our own its loopback device is still down
        subprocess.run(["ip", "link", "set", "lo", "up"], check=False)
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
