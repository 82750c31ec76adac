"""--require-token at the real listener: what it refuses to start with, and what it tells of it."""
import pytest

from tests.harness.programs import run

TOKEN = "0123456789abcdef"


def start(tmp_path, text: str, mode: int = 0o600):
    tokens = tmp_path / "tokens"
    tokens.write_text(text)
    tokens.chmod(mode)
    return run("lastgasp-listener", "--listen=127.0.0.1:0", f"--to={tmp_path / 'none'}",
               f"--pending={tmp_path / 'pending'}", "--check", f"--require-token={tokens}")


@pytest.mark.parametrize("text, mode, why", [
    ("", 0o600, "tokens: holds no token"),
    (f"{TOKEN}\nshort\n", 0o600, "tokens, line 2: a token has 16 to 200 characters"),
    (f"a {TOKEN} b\n", 0o600, "tokens, line 1: is neither TOKEN nor NODE TOKEN"),
    (f"{TOKEN}\n", 0o640, "tokens: is open to its group or to others"),
    (f"{TOKEN}\n", 0o604, "tokens: is open to its group or to others"),
])
def test_a_token_file_that_cannot_be_used_is_bad_usage(tmp_path, text, mode, why):
    ended = start(tmp_path, text, mode)
    assert ended.returncode == 2
    assert why in ended.stderr
    assert TOKEN not in ended.stderr
    assert not (tmp_path / "pending").exists()


def test_one_that_can_is_not_what_is_missing(tmp_path):
    ended = start(tmp_path, f"{TOKEN}\n")
    assert ended.returncode == 1
    assert "does not answer" in ended.stderr
