"""Ten machines panic within a second, two of them again and again."""
import pytest

from conftest import boot_all
from scenarios import Scenario, setting

KERNELS = ("6.1", "6.12")
ONCE = 8
LOOPS = 2
PANICS_OF_A_LOOP = 4
SYSRQ = "echo c >/proc/sysrq-trigger"
RESTARTS = setting("kernel/panic", 1)  # seconds after a panic


@pytest.fixture(scope="module")
def ten(rack):
    """8 machines that die, and 2 that are up again a second after each panic."""
    names = [f"once-{number}" for number in range(ONCE)] + \
        [f"loop-{number}" for number in range(LOOPS)]
    made = boot_all(rack, [Scenario(name, KERNELS[number % 2], SYSRQ)
                           for number, name in enumerate(names)])
    yield made
    for machine in made:
        machine.leave()


def test_ten_that_panic_within_a_second_are_each_told_of_once(ten, capsys):
    once, loops = ten[:ONCE], ten[ONCE:]
    for machine in once:
        machine.pull(SYSRQ, is_last=True)
    for machine in loops:
        machine.pull(RESTARTS + SYSRQ, is_last=False)
    assert max(m.typed_at for m in ten) - min(m.typed_at for m in ten) < 1
    for again in range(1, PANICS_OF_A_LOOP):
        for machine in loops:
            machine.wait_back(again + 1)
            machine.wait_asked()
            machine.pull(RESTARTS + SYSRQ, is_last=False)
    for machine in once:
        assert machine.ended()["outcome"] == "deleted"
        assert not machine.exists()
    for machine in loops:
        machine.guest.wait_booted(PANICS_OF_A_LOOP + 1)
        machine.wait_incidents(PANICS_OF_A_LOOP)
    with capsys.disabled():
        print("\nten panics, seconds from the command to the Node's end:")
        for machine in once:
            print(f"{machine.steps()[-1][0]:9.3f}  {machine.name}")
        for machine in loops:
            print(f"{machine.name}: " + "; ".join(
                f"{row['outcome']} ({row['detail']})" for row in machine.incidents()))
    for machine in loops:
        assert len({row["boot"] for row in machine.incidents()}) == PANICS_OF_A_LOOP
        assert any(f"{PANICS_OF_A_LOOP} panics in 10 minutes" in row["detail"]
                   for row in machine.incidents())
