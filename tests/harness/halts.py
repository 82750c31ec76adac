"""What a kernel says with its last breath when it ends in order, in extended format."""

KINDS = {"halt": b"reboot: System halted", "power-down": b"reboot: Power down",
         "restarting": b"reboot: Restarting system"}
WHO = "alice ran sudo halt"
TEXTS = {"halt": "System halted", "power-down": "System powered down",
         "restarting": "System restarting"}


def line(kind: str = "halt", who: str | None = None, facility: int = 0, **userdata: str) -> bytes:
    """WHO: what its userdata says of who asked; FACILITY: 0 is the kernel's own."""
    if who is not None:
        userdata["halt"] = who
    pairs = "".join(f" {key}={value}\n" for key, value in userdata.items()).encode()
    return b"%d,900,9000000,-;%s\n%s" % (facility << 3, KINDS[kind], pairs)


def text(node: str, kind: str = "halt", who: str | None = None) -> str:
    """What pods, Node and Events are told."""
    return f"Orderly shutdown of node {node}: {TEXTS[kind]}{f': {who}' if who else ''}"
