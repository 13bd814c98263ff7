"""The list of hashes is that of the pins."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_every_pin_has_its_hashes():
    pins = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("torch==")]
    lock = (ROOT / "tools" / "dev-lock.txt").read_text().replace("\\\n", "")
    locked = [line.split() for line in lock.splitlines()]
    assert sorted(line[0].casefold() for line in locked) == sorted(pin.replace("_", "-").casefold() for pin in pins)
    assert all(
        len(line) > 1 and re.fullmatch(r"(--hash=sha256:[0-9a-f]{64} ?)+", " ".join(line[1:])) for line in locked
    )
