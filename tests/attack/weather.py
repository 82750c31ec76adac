"""What can go wrong with an API server, at moments and for as long as `chance` draws."""
import pathlib
import random
import threading
import time
from collections.abc import Callable

from tests.apiserver.apiserver import ApiServer

CLIENTS = ("correlator", "actuator")
STATUSES = (429, 500, 503, 409, 410)


def refusals(api: ApiServer, chance: random.Random, percent: float) -> None:
    """That many of all requests are answered with an error, half of the 429 with a Retry-After.
    The DELETE of a pod gets no 409: it is sent under a uid, so that means another pod."""
    share = percent / (len(STATUSES) + 1)
    rules = [{"status": status} for status in STATUSES if status != 409]
    rules += [{"status": 429, "retryAfter": 1}]
    conflicts = [{"status": 409, "verb": verb} for verb in ("get", "list", "watch", "create",
                                                            "update", "patch")]
    conflicts += [{"status": 409, "verb": "delete", "resource": "^nodes$"}]
    api.faults(*({"action": "status", "percent": share, "seed": chance.randrange(1 << 30), **rule}
                 for rule in rules + conflicts))


def passing(api: ApiServer, chance: random.Random, **fault) -> None:
    api.faults({"count": chance.randint(1, 6), **fault})


class Weather:
    """One mishap after the other, in a thread; in the end the server answers again."""

    def __init__(self, api: ApiServer, chance: random.Random, tokens: dict[str, pathlib.Path]):
        """TOKENS: the files that the clients take theirs from."""
        self.api, self.chance, self.tokens = api, chance, tokens
        self.mishaps: dict[str, Callable[[], None]] = {
            "goes away": self._goes_away,
            "is silent": self._is_silent,
            "resets": lambda: passing(api, chance, action="reset", after=chance.random() < 0.5),
            "cuts answers": lambda: passing(api, chance, action="cut",
                                            bytes=chance.randint(0, 500)),
            "hangs": lambda: passing(api, chance, action="hang", after=chance.random() < 0.5),
            "drips": lambda: passing(api, chance, action="slow", bytes=chance.randint(200, 5000)),
            "delays": lambda: passing(api, chance, action="delay", delay=chance.uniform(0, 2)),
            "closes watches": lambda: api.watches("close"),
            "ends watches": lambda: api.watches("error", code=410, reason="Expired"),
            "compacts": api.compact,
            "has a new certificate": self._has_a_new_certificate,
            "withdraws certificates": lambda: api.rotate("clients"),
            "withdraws tokens": self._withdraws_tokens,
        }
        self.happened: list[str] = []
        self._cleared = threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)

    def _go_on(self) -> None:
        while not self._cleared.wait(self.chance.uniform(0.05, 0.8)):
            name = self.chance.choice(list(self.mishaps))
            self.happened.append(name)
            self.mishaps[name]()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._cleared.set()
        self._thread.join(60)
        print("the API server", ", ".join(self.happened))

    def _goes_away(self) -> None:
        self.api.away()
        time.sleep(self.chance.uniform(0.05, 3))
        self.api.away(False)

    def _is_silent(self) -> None:
        self.api.silent()
        time.sleep(self.chance.choice([self.chance.uniform(0.1, 3), self.chance.uniform(8, 10)]))
        self.api.silent(False)

    def _has_a_new_certificate(self) -> None:
        self.api.rotate("server")
        self.api.away()
        self.api.away(False)

    def _withdraws_tokens(self) -> None:
        """The files have the new ones before or after the first refusals."""
        new = {user: f"{user}-{self.chance.randrange(1 << 30)}" for user in self.tokens}
        changes = [lambda: self.api.set_tokens({self.api.token("admin"): "admin",
                                                **{token: user for user, token in new.items()}}),
                   lambda: [renew(self.tokens[user], token) for user, token in new.items()]]
        if self.chance.random() < 0.5:
            changes.reverse()
        changes[0]()
        time.sleep(self.chance.uniform(0, 1))
        changes[1]()


def renew(path: pathlib.Path, text: str) -> None:
    """Replaces a file at once, as a kubelet does with a projected token."""
    new = path.with_suffix(".new")
    new.write_text(text + "\n")
    new.rename(path)
