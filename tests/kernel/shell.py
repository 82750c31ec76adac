"""tests/kernel/run --shell: a virtual machine to panic by hand, in a real cluster."""
import pathlib
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE), str(HERE.parent / "cluster")]

from conftest import open_rack, kernel  # noqa: E402
from rack import Machine  # noqa: E402
from scenarios import Scenario  # noqa: E402

WELCOME = """
{name} is a Node of a real cluster, and this is its shell: a kernel {series}, booted just now.

    echo c >/proc/sysrq-trigger       panics it: its pod and its Node go within ten seconds
    poweroff -f                       ends it in order: nothing is done
    echo 'Kernel panic - not syncing: no' >/dev/kmsg    a forgery: nothing is done

Ctrl-D ends everything.
"""


def follow(machine: Machine) -> None:
    """Prints what the guest says, what lastgasp does, and whether the Node is there."""
    said, told, there = len(machine.guest.said), 0, True
    while True:
        for line in machine.guest.said[said:]:
            said += 1
            print(line)
        steps = machine.steps_so_far()
        for at, words in steps[told:]:
            print(f"{at:9.2f} s  {words}")
        told = max(told, len(steps))
        if there and not machine.exists():
            there = False
            print(f"           the Node {machine.name} is gone")
        time.sleep(0.1)


def main() -> None:
    series = sys.argv[1] if len(sys.argv) > 1 else "6.1"
    with tempfile.TemporaryDirectory() as folder, open_rack(pathlib.Path(folder)) as rack:
        machine = rack.boot("worker-1", kernel(series), Scenario("by hand", series, ""))
        machine.join()
        machine.wait_asked()
        print(WELCOME.format(name=machine.name, series=series))
        threading.Thread(target=follow, args=(machine,), daemon=True).start()
        for line in sys.stdin:
            machine.pull(line.rstrip("\n"), is_last=False)


main()
