"""A real Kubernetes control plane for tests: etcd, kube-apiserver and, if wanted,
kube-controller-manager, on loopback ports of their own, their data in a temporary folder.

There are no machines behind it: kubelets.py plays the kubelets and the scheduler.
"""

import base64
import tempfile
from pathlib import Path

import yaml

from certificates import Authority, make_key, make_public_key
from kube_client import ApiError, Client
from processes import Process, free_port, wait_until

from tests.harness.audit import AuditLog

ADMIN = "admin"
CONTROLLER_MANAGER = "system:kube-controller-manager"
LASTGASP = ["lastgasp-correlator", "lastgasp-actuator"]
GROUPS = {
    ADMIN: "system:masters",
    CONTROLLER_MANAGER: "system:masters",
    **dict.fromkeys(LASTGASP, ""),
}
WATCHED = [
    {"group": "", "resources": ["nodes", "nodes/*", "pods", "pods/*", "events"]},
    {"group": "events.k8s.io", "resources": ["events"]},
    {"group": "coordination.k8s.io", "resources": ["leases"]},
]
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "RequestResponse", "users": LASTGASP, "resources": WATCHED},
        # Whatever else lastgasp asks for is on record too: a test can say "and nothing else".
        {"level": "Metadata", "users": LASTGASP},
        # The harness lists all pods a few times a second: of others, only what they write.
        {"level": "None", "verbs": ["get", "list", "watch"]},
        {"level": "RequestResponse", "resources": WATCHED},
        {"level": "None"},
    ],
}


class ControlPlane(Client):
    """A context manager, and at the same time the client of a user who may do everything.

    apiserver: more options for kube-apiserver.
    controller_manager: None for none, else more options for it, for example
    ["--node-monitor-grace-period=1h"] so that a Node without a kubelet keeps its Ready condition.
    """

    def __init__(self, programs: Path, controller_manager: list[str] | None = None,
                 apiserver: tuple[str, ...] = ()):
        self.programs = programs
        self.apiserver = apiserver
        self.controller_manager = controller_manager
        self.temporary = tempfile.TemporaryDirectory(prefix="lastgasp-control-plane-")
        self.folder = Path(self.temporary.name)
        self.authority = Authority(self.folder)
        self.processes: dict[str, Process] = {}
        self.audit_log = AuditLog(self.folder / "audit.log")
        self.etcd_url = f"http://127.0.0.1:{free_port()}"
        super().__init__(free_port(), self.authority.certificate, token_of(ADMIN))

    def __enter__(self) -> "ControlPlane":
        try:
            self._write_server_files()
            self._start_etcd()
            self.start_apiserver()
            if self.controller_manager is not None:
                self._start_controller_manager(self.controller_manager)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def stop(self) -> None:
        # Nothing is worth a graceful end: the data goes away with the folder.
        for process in reversed(self.processes.values()):
            process.kill()
        self.processes.clear()
        self.temporary.cleanup()

    def client(self, user: str) -> Client:
        return Client(self.port, self.authority.certificate, token_of(user))

    def kubeconfig(self, user: str, certificate: bool = False) -> Path:
        """The user shows a token, or a client certificate whose common name is the user."""
        credentials = {"token": token_of(user)}
        if certificate:
            pem, key = self.authority.issue(user, f"/CN={user}", "clientAuth")
            credentials = {"client-certificate": str(pem), "client-key": str(key)}
        authority = base64.b64encode(self.authority.certificate.read_bytes()).decode()
        kind = "certificate" if certificate else "token"
        path = self.folder / f"{user.replace(':', '-')}-{kind}.kubeconfig"
        path.write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {
                "server": f"https://127.0.0.1:{self.port}",
                "certificate-authority-data": authority}}],
            "users": [{"name": user, "user": credentials}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
        }))
        return path

    def audit(self, *wanted: str, **named: str) -> list[dict]:
        """The audit log's events so far, as AuditLog.find() has them. An event is written after
        its answer has been sent: wait for the one that is looked for."""
        return self.audit_log.find(*wanted, **named)

    def stop_apiserver(self) -> None:
        self.processes.pop("kube-apiserver").kill()

    def start_apiserver(self) -> None:
        server = self._start(
            "kube-apiserver",
            f"--etcd-servers={self.etcd_url}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.port}",
            # By itself it looks for a default route, which a network namespace does not have.
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",  # it refuses loopback addresses
            "--service-cluster-ip-range=10.96.0.0/16",
            f"--tls-cert-file={self.folder}/server.crt",
            f"--tls-private-key-file={self.folder}/server.key",
            f"--client-ca-file={self.authority.certificate}",
            f"--token-auth-file={self.folder}/tokens.csv",
            "--authorization-mode=RBAC",
            # It would refuse pods until the controller manager has made a service account.
            "--disable-admission-plugins=ServiceAccount",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.folder}/service-account.pub",
            f"--service-account-signing-key-file={self.folder}/service-account.key",
            f"--audit-policy-file={self.folder}/audit-policy.yaml",
            f"--audit-log-path={self.folder}/audit.log",
            *self.apiserver)
        self._wait_ready(server, "/readyz", "/api/v1/namespaces/default",
                         "/api/v1/namespaces/kube-node-lease")

    def restart_apiserver(self) -> None:
        self.stop_apiserver()
        self.start_apiserver()

    def _write_server_files(self) -> None:
        self.authority.issue("server", "/CN=kube-apiserver", "serverAuth",
                             "IP:127.0.0.1,DNS:localhost")
        make_key(self.folder / "service-account.key")
        make_public_key(self.folder / "service-account.key", self.folder / "service-account.pub")
        (self.folder / "audit-policy.yaml").write_text(yaml.safe_dump(AUDIT_POLICY))
        (self.folder / "tokens.csv").write_text("".join(
            f"{token_of(user)},{user},{user},{group}\n" for user, group in GROUPS.items()))

    def _start_etcd(self) -> None:
        peer_url = f"http://127.0.0.1:{free_port()}"
        self._start(
            "etcd",
            f"--data-dir={self.folder}/etcd",
            f"--listen-client-urls={self.etcd_url}",
            f"--advertise-client-urls={self.etcd_url}",
            f"--listen-peer-urls={peer_url}",
            f"--initial-advertise-peer-urls={peer_url}",
            f"--initial-cluster=default={peer_url}",
            "--unsafe-no-fsync",
            "--log-level=warn")

    def _start_controller_manager(self, options: list[str]) -> None:
        manager = self._start(
            "kube-controller-manager",
            f"--kubeconfig={self.kubeconfig(CONTROLLER_MANAGER)}",
            "--secure-port=0",
            "--leader-elect=false",
            f"--service-account-private-key-file={self.folder}/service-account.key",
            f"--root-ca-file={self.authority.certificate}",
            *options)
        # Its controllers have no common sign of readiness. This one's first work is to make this.
        self._wait_ready(manager, "/api/v1/namespaces/default/serviceaccounts/default")

    def _start(self, program: str, *options: str) -> Process:
        process = Process([str(self.programs / program), *options], self.folder / f"{program}.log")
        self.processes[program] = process
        return process

    def _wait_ready(self, process: Process, *paths: str) -> None:
        def ready() -> bool:
            process.check_running()
            try:
                for path in paths:
                    self.raw(path)
            except (OSError, ApiError):
                return False
            return True
        wait_until(f"{process.name} is ready, its log is {process.log}", ready, seconds=60)


def token_of(user: str) -> str:
    return "token-of-" + user.replace(":", "-")
