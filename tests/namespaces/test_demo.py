"""What is shown to people has to come true, too."""
import subprocess

from tests.harness.programs import ROOT


def test_the_demo_shows_what_it_says():
    done = subprocess.run([ROOT / "tests" / "demo"], capture_output=True, text=True, timeout=120,
                          check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].strip() == "All of it came true."
