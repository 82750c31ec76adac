"""What every pytest suite has: the repository's root on the path, so that tests.harness imports."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
