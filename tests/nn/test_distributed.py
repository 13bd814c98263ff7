"""The loss of a batch in shards, against one process; processes that fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import pytest

import otgen

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

from otgen.nn import distributed

pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without torch.distributed")

# What is forked for each process of each test: torch takes seconds to load, and starts no thread until it is asked to.
NURSERY = """
import json, os, signal, sys, torch, torch.distributed as dist
from datetime import timedelta
from otgen.nn import distributed, sinkhorn_loss
import otgen
torch.set_num_threads(1)
for line in sys.stdin:
    world, folder, body = json.loads(line)
    children = []
    for rank in range(world):
        child = os.fork()
        if child == 0:
            signal.alarm(120)
            told = os.open(f"{folder}/told{rank}", os.O_WRONLY | os.O_CREAT)
            os.dup2(told, 1)
            os.dup2(told, 2)
            exec(body)
        children.append(child)
    print(*(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children), flush=True)
"""


PREAMBLE = """
dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=world, timeout=timedelta(seconds=60))
generator = torch.Generator().manual_seed(0)
x, y = torch.rand(37, 2, dtype=torch.float64, generator=generator), torch.rand(29, 2, dtype=torch.float64, generator=generator)
"""


EPILOGUE = """
dist.barrier()
dist.destroy_process_group()
sys.stdout.flush()
os._exit(0)  # gloo's threads may abort a process that takes its time to leave
"""


@pytest.fixture(scope="module")
def nursery():
    environment = dict(os.environ, OTGEN_NUM_THREADS="1", OMP_NUM_THREADS="1")
    command = [sys.executable, "-c", NURSERY]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield process


@pytest.fixture
def together(nursery, tmp_path):
    """Runs the same text in several processes: their exit codes and output."""

    def run(world: int, body: str) -> list[tuple[int, str]]:
        text = PREAMBLE + textwrap.dedent(body) + EPILOGUE
        print(json.dumps([world, str(tmp_path), text]), file=nursery.stdin, flush=True)
        codes = [int(code) for code in nursery.stdout.readline().split()]
        assert len(codes) == world
        return [(code, (tmp_path / f"told{rank}").read_text()) for rank, code in enumerate(codes)]

    return run


@pytest.mark.parametrize(
    ("world", "shares"),
    [
        pytest.param(1, [37], marks=pytest.mark.nightly),
        pytest.param(2, [30, 7], marks=pytest.mark.nightly),
        (3, [20, 0, 17]),
        pytest.param(4, [20, 0, 1, 16], marks=pytest.mark.nightly),
    ],
)
def test_equals_one_process(world, shares, together):
    """Uneven and empty shards; value and gradient, with and without the own terms, and for a relative epsilon."""
    body = f"""
    shares = {shares}
    start = sum(shares[:rank])
    mine = x[start : start + shares[rank]].clone().requires_grad_()
    for options in (dict(epsilon=0.05), dict(epsilon=0.01, debias=False, p=1), dict(epsilon=otgen.Relative(0.02), metric="cityblock")):
        whole = x.clone().requires_grad_()
        want = sinkhorn_loss(whole, y, tol=1e-10, **options)
        want.backward()
        found = distributed.sinkhorn_loss(mine, y, tol=1e-10, averaged=False, **options)
        mine.grad = None
        found.backward()
        torch.testing.assert_close(found, want, rtol=1e-6, atol=1e-9)
        torch.testing.assert_close(mine.grad, whole.grad[start : start + shares[rank]], rtol=1e-6, atol=1e-9)
    print("fine")
    """
    for code, output in together(world, body):
        assert code == 0, output
        assert output.strip().endswith("fine")


def test_padding_of_shards_is_not_there(together):
    """Whatever it holds; one process has nothing but padding."""
    body = """
    x_mask, y_mask = torch.arange(37) % 3 > 0, torch.arange(29) % 4 > 0
    x_mask[30:] = False
    whole = x.clone().requires_grad_()
    want = sinkhorn_loss(whole, y, x_mask=x_mask, y_mask=y_mask, epsilon=0.05, tol=1e-10)
    want.backward()
    here = slice(0, 30) if rank == 0 else slice(30, 37)
    mine = x.where(x_mask[:, None], float("nan"))[here].clone().requires_grad_()
    masks = dict(x_mask=x_mask[here], y_mask=y_mask)
    theirs = y.where(y_mask[:, None], float("inf"))
    found = distributed.sinkhorn_loss(mine, theirs, **masks, epsilon=0.05, tol=1e-10, averaged=False)
    found.backward()
    torch.testing.assert_close(found, want, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(mine.grad, whole.grad[here], rtol=1e-6, atol=1e-9)
    assert (mine.grad[~x_mask[here]] == 0).all()
    try:
        distributed.sinkhorn_loss(mine, theirs, y_mask=y_mask & False, epsilon=0.05)
    except otgen.InvalidInput as fault:
        assert "y_mask must leave a point" in str(fault)
        print("fine")
    """
    for code, output in together(2, body):
        assert code == 0, output
        assert output.strip().endswith("fine")


def test_under_ddp_the_step_is_that_of_one_process(together):
    body = """
    torch.manual_seed(0)
    noise = torch.randn(37, 3)
    alone = torch.nn.Linear(3, 2)
    wrapped = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(3, 2))
    wrapped.module.load_state_dict(alone.state_dict())
    sinkhorn_loss(alone(noise), y.float(), epsilon=0.1, tol=1e-8).backward()
    mine = noise[:30] if rank == 0 else noise[30:]
    distributed.sinkhorn_loss(wrapped(mine), y.float(), epsilon=0.1, tol=1e-8).backward()
    for one, other in zip(alone.parameters(), wrapped.parameters()):
        torch.testing.assert_close(other.grad, one.grad, rtol=1e-5, atol=1e-6)
    print("fine")
    """
    for code, output in together(2, body):
        assert code == 0, output


def test_far_clouds_at_a_small_epsilon(together):
    body = """
    mine = x[rank::2].clone().requires_grad_()
    found = distributed.sinkhorn_loss(mine, 5 * y + 20, epsilon=0.01, debias=False, max_iter=100_000)
    want = sinkhorn_loss(x, 5 * y + 20, epsilon=0.01, debias=False, max_iter=100_000)
    torch.testing.assert_close(found, want, rtol=1e-6, atol=1e-9)
    print("fine")
    """
    for code, output in together(2, body):
        assert code == 0, output


def test_bad_input_on_one_process_is_an_error_on_all(together):
    body = """
    if rank == 1:
        x[0, 0] = float("nan")
    for mine, other, text in ((x, y, "finite" if rank == 1 else "another"), (y, y + rank, "same on every process")):
        try:
            distributed.sinkhorn_loss(mine, other, epsilon=0.1)
        except otgen.InvalidInput as fault:
            assert text in str(fault), fault
        else:
            raise SystemExit("accepted")
    try:
        distributed.sinkhorn_loss(y, y + 1, epsilon=1e-4, max_iter=2)
    except otgen.NotConverged:
        print("fine")
    """
    for code, output in together(2, body):
        assert code == 0, output
        assert output.strip().endswith("fine")


def test_whatever_differs_or_is_malformed_anywhere_is_an_error_everywhere(together):
    """None waits for another: the same text goes on, and ends well."""
    body = """
    first = rank == 0
    cases = {
        "rows in another order": (dict(y=y.flip(0) if first else y), "y must be the same"),
        "another sign": (dict(y=y * torch.tensor([1.0, -1.0]) if first else y), "y must be the same"),
        "another shape": (dict(y=y[:28].reshape(14, 4) if first else y[:28], x=torch.rand(3, 4) if first else x), "y must be the same"),
        "another epsilon": (dict(epsilon=0.1 + rank), "options must be the same"),
        "another limit": (dict(max_iter=100 + rank), "options must be the same"),
        "another metric": (dict(metric="cityblock" if first else "chebyshev"), "options must be the same"),
        "debiased here only": (dict(debias=first), "options must be the same"),
        "an epsilon that is none": (dict(epsilon=-1.0 if first else 0.1), "epsilon must be positive" if first else "another one"),
        "an order that is none": (dict(p=0.5 if first else 2), "p must be" if first else "another one"),
        "a limit that is none": (dict(max_iter=0 if first else 10), "max_iter must be" if first else "another one"),
        "a flag that is none": (dict(averaged="yes" if first else True), "averaged must be" if first else "another one"),
        "no tensor": (dict(x=[[0.0, 1.0]] if first else x), "x must be a tensor" if first else "another one"),
        "numbers": (dict(x=x[:, 0] if first else x), "x and y must be (n, d)" if first else "another one"),
        "complex": (dict(x=x * 1j if first else x), "real numbers" if first else "another one"),
        "infinity": (dict(y=y / 0 if first else y), "y must have data" if first else "another one"),
        "no rows at all": (dict(x=x[:0]), "a row on some process"),
    }
    for name, (given, text) in cases.items():
        options = dict(x=x, y=y, epsilon=0.1) | given
        try:
            distributed.sinkhorn_loss(options.pop("x"), options.pop("y"), **options)
        except otgen.InvalidInput as fault:
            assert text in str(fault), (name, fault)
            assert " must " in str(fault) and "; received " in str(fault) and str(fault).count("; ") >= 2, fault
        else:
            raise SystemExit("accepted: " + name)
    print("fine")
    """
    for code, output in together(2, body):
        assert code == 0, output
        assert output.strip().endswith("fine")


def test_it_is_the_same_number_on_every_process_and_averaged_gradients_are_the_loss_s(together):
    body = """
    mine = x[rank::3].clone().requires_grad_()
    found = distributed.sinkhorn_loss(mine, y, epsilon=0.05)
    found.backward()
    everyone = [torch.zeros((), dtype=torch.float64) for _ in range(world)]
    dist.all_gather(everyone, found.detach())
    assert len({value.item() for value in everyone}) == 1, everyone
    alone = x[rank::3].clone().requires_grad_()
    distributed.sinkhorn_loss(alone, y, epsilon=0.05, averaged=False).backward()
    torch.testing.assert_close(mine.grad, world * alone.grad, rtol=1e-12, atol=0)
    half = x[rank::3].half().requires_grad_()
    value = distributed.sinkhorn_loss(half, y, epsilon=0.05)
    value.backward()
    assert (value.dtype, half.grad.dtype) == (torch.float32, torch.float16)
    print("fine")
    """
    for code, output in together(3, body):
        assert code == 0, output


def test_nothing_of_the_size_of_all_pairs_is_held(together):
    """4000 x 4000 pairs are 128 MB; a sweep, its gradient, and what it loads take a fraction of that."""
    body = """
    import resource

    def held():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    mine, many = torch.rand(2000, 2).double(), torch.rand(4000, 2).double()
    distributed.sinkhorn_loss(mine[:600].clone().requires_grad_(), many[:700], epsilon=1.0).backward()  # kernels are loaded
    before = held()
    distributed.sinkhorn_loss(mine.requires_grad_(), many, epsilon=1.0).backward()
    assert held() - before < 40, held() - before  # of 64 for one process's pairs
    print("fine")
    """
    for code, output in together(2, body):
        assert code == 0, output


def test_a_group_of_some_processes(together):
    body = """
    both = dist.new_group([0, 1])
    if rank < 2:
        found = distributed.sinkhorn_loss(x[rank::2], y, epsilon=0.05, group=both)
        torch.testing.assert_close(found, sinkhorn_loss(x, y, epsilon=0.05), rtol=1e-6, atol=1e-9)
    print("fine")
    """
    for code, output in together(3, body):
        assert code == 0, output


def test_a_process_that_dies_is_an_error_on_the_others(together):
    body = """
    distributed.sinkhorn_loss(x[rank::2], y, epsilon=0.05)
    if rank == 1:
        os._exit(7)
    distributed.sinkhorn_loss(x[rank::2], y, epsilon=0.05)
    """
    (code, output), (other, _) = together(2, body)
    assert other == 7
    assert code not in (0, 7)
    assert "Error" in output
    assert "timed out" not in output.lower()  # told by the connection, not by waiting for long enough


def test_without_processes_it_says_what_to_do():
    with pytest.raises(otgen.InvalidInput, match="must be initialised"):
        distributed.sinkhorn_loss(torch.zeros(2, 1), torch.zeros(2, 1), epsilon=0.1)
