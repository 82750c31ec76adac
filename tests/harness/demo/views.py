"""What is there to see in the cluster: nodes, pods, Events."""
from tests.harness.demo import cluster, screen
from tests.harness.demo.watcher import Watcher

EVENTS = "/apis/events.k8s.io/v1/namespaces/default/events"


def our_events(api) -> list[dict]:
    return [e for e in api.list(EVENTS) if "lastgasp" in e.get("reportingController", "")]


def show_cluster(api) -> None:
    pods = api.list(cluster.PODS)
    rows = []
    for node in api.list(cluster.NODES):
        name = node["metadata"]["name"]
        here = [f"{p['metadata']['name']} ({p['status'].get('phase')})" for p in pods
                if p["spec"].get("nodeName") == name]
        rows.append([name, cluster.ADDRESSES[name], ", ".join(sorted(here)) or "-"])
    screen.table(["NODE", "ADDRESS", "PODS"], rows)


def of_the_victim(pods: Watcher) -> dict[str, dict]:
    return {name: pod for name, pod in sorted(pods.last.items())
            if pod["spec"].get("nodeName") == cluster.VICTIM}


def is_daemon(pod: dict) -> bool:
    return pod["metadata"]["ownerReferences"][0]["kind"] == "DaemonSet"


def are_gone(pods: Watcher) -> bool:
    return all(name in pods.gone or is_daemon(pod) for name, pod in of_the_victim(pods).items())


def show_pods(pods: Watcher, panicked: float) -> bool:
    """Whether each was told why it died, and is gone if it had to go."""
    told = True
    for name, pod in of_the_victim(pods).items():
        owner = pod["metadata"]["ownerReferences"][0]
        annotations = pod["metadata"].get("annotations", {})
        conditions = {c["type"]: c["status"] for c in pod["status"].get("conditions", [])}
        fate = "left to the garbage collector, as daemons are"
        if name in pods.gone:
            fate = f"gone after {pods.gone[name] - panicked:.2f} s"
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
    events = our_events(api)
    for event in events:
        regarding = event.get("regarding", {})
        screen.line(f"{regarding.get('kind')} {regarding.get('name')}: {event['note']}")
    return bool(events)
