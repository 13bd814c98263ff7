"""The examples of training over processes, run on two of them."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
pytestmark = [
    pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without torch.distributed"),
    pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the documentation is not part of a source distribution"),
]


@pytest.mark.parametrize("name", ["ddp", "fsdp"])
def test_a_script_trains(name, together):
    """As torchrun would have it: the environment says who is who. The loss falls."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    body = f"""
    import runpy, time
    os.unlink(f"{{folder}}/met{{rank}}")
    signal.alarm(40)
    dist.destroy_process_group()
    first = dist.init_process_group

    def meets(*arguments):
        signal.alarm(40)
        first(*arguments)
        open(f"{{folder}}/met{{rank}}", "w").close()
        signal.alarm(120)

    dist.init_process_group = meets  # a script's processes may never meet either, by gloo's fault
    dist.destroy_process_group = lambda: None  # nor part: they leave together below
    os.environ.update(RANK=str(rank), WORLD_SIZE=str(world), MASTER_ADDR="127.0.0.1", MASTER_PORT="{port}")
    runpy.run_path({str(EXAMPLES / f"{name}.py")!r})["main"](steps=24)
    sys.stdout.flush()
    open(f"{{folder}}/left{{rank}}", "w").close()
    while not all(os.path.exists(f"{{folder}}/left{{k}}") for k in range(world)):
        time.sleep(0.01)
    os._exit(0)
    """
    (code, output), (other, silent) = together(2, body)
    assert (code, other) == (0, 0), output + silent
    assert not silent
    losses = [float(line.split()[-1]) for line in output.splitlines() if line.startswith("step")]
    assert len(losses) == 5
    assert losses[-1] < 0.6 * losses[0]
