"""The Go programs beside this file: most hold the clock, and take orders one line of JSON each."""
import contextlib
import json
import os
import subprocess

from tests.apiserver.apiserver import ApiServer
from tests.harness.programs import die_with_parent


class Partner:
    def __init__(self, name: str, *arguments: str):
        program = os.path.join(os.environ["LASTGASP_BENCH"], name)
        self.name = name
        self.process = subprocess.Popen([program, *arguments], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True,
                                        preexec_fn=die_with_parent)

    def line(self) -> str:
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} has ended; it said why above")
        return line

    def order(self, **order: object):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return json.loads(self.line())

    def __enter__(self) -> "Partner":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@contextlib.contextmanager
def informer(api: ApiServer, count: int):
    """A controller of client-go that holds so many Nodes; yields its pid once it has them."""
    with Partner("informer", api.kubeconfig("correlator")) as partner:
        held = int(partner.line())
        if held != count:
            raise RuntimeError(f"the informer has {held} Nodes, not {count}")
        yield partner.process.pid
