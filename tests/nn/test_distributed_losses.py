"""Losses of batches in shards, of either side: those of one process, values and gradients."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without torch.distributed")

CASES = """
def part(z, shares):
    start = sum(shares[:rank])
    return slice(start, start + shares[rank])

axes = torch.randn(7, 2, dtype=torch.float64, generator=generator)
CASES = {
    "sinkhorn": ("sinkhorn_loss", dict(epsilon=0.3, tol=1e-10)),
    "entropic": ("sinkhorn_loss", dict(epsilon=0.3, p=1, debias=False, tol=1e-10)),
    "relative": ("sinkhorn_loss", dict(epsilon=otgen.Relative(1.0), metric="cityblock", tol=1e-10)),
    "exact": ("wasserstein_loss", dict()),
    "exact root": ("wasserstein_loss", dict(p=1.5, metric="cityblock", root=True)),
    "sliced": ("sliced_wasserstein_loss", dict(directions=axes)),
    "sliced root": ("sliced_wasserstein_loss", dict(directions=axes[:2], p=3, root=True)),
    "mmd": ("mmd_loss", dict()),
    "mmd unbiased": ("mmd_loss", dict(kernel="imq", scale=(0.3, 2.0), unbiased=True)),
    "mmd gaussian": ("mmd_loss", dict(kernel="gaussian", scale=0.5)),
}
a, b = (torch.rand(n, dtype=torch.float64, generator=generator) for n in (37, 29))
a, b = a * (torch.arange(37) % 5 > 0), b * a.sum() / b.sum()  # some weigh nothing
a = a * b.sum() / a.sum()
"""


SHARDS = pytest.mark.parametrize(
    ("world", "of_x", "of_y"),
    [
        pytest.param(2, [30, 7], [12, 17], marks=pytest.mark.nightly),
        pytest.param(1, [37], [29], marks=pytest.mark.nightly),
        (3, [20, 0, 17], [0, 28, 1]),
    ],
)


@SHARDS
def test_values_and_gradients_are_those_of_one_process(world, of_x, of_y, together):
    """Uneven and empty shards of either side, or all of y everywhere, whose gradient is whole on each."""
    body = f"""
    of_x, of_y = {of_x}, {of_y}
    {{cases}}
    for name, (loss, options) in CASES.items():
        one, other = x.clone().requires_grad_(), y.clone().requires_grad_()
        want = getattr(nn, loss)(one, other, **options)
        want.backward()
        for sharded in (True, False):
            mine = x[part(x, of_x)].clone().requires_grad_()
            theirs = (y[part(y, of_y)] if sharded else y).clone().requires_grad_()
            found = getattr(distributed, loss)(mine, theirs, y_sharded=sharded, averaged=False, **options)
            found.backward()
            same = dict(rtol=1e-6, atol=1e-9, msg=lambda told: f"{{name}}, {{sharded}}: {{told}}")
            torch.testing.assert_close(found, want, **same)
            torch.testing.assert_close(mine.grad, one.grad[part(x, of_x)], **same)
            torch.testing.assert_close(theirs.grad, other.grad[part(y, of_y)] if sharded else other.grad, **same)
    print("fine")
    """
    body = textwrap_cases(body)
    for code, output in together(world, body):
        assert code == 0, output
        assert output.strip().endswith("fine")


@SHARDS
def test_weights_are_those_of_one_process(world, of_x, of_y, together):
    """Of either side or both; some are 0; gradients go to the weights as well."""
    body = f"""
    of_x, of_y = {of_x}, {of_y}
    {{cases}}
    dear = ("entropic", "relative") if world == 3 else ()  # by night, of fewer processes, they have every case as well
    for name, (loss, options) in CASES.items():
        for given in ("ab",) if name in dear else ("a", "b", "ab"):
            whole = [z.clone().requires_grad_() for z in (x, y, a, b)]
            masses = [w if k in given else None for k, w in zip("ab", whole[2:])]
            want = getattr(nn, loss)(*whole[:2], *masses, **options)
            slopes = torch.autograd.grad(want, whole, allow_unused=True)
            for sharded in (True, False):
                theirs = part(y, of_y) if sharded else slice(None)
                cut = (part(x, of_x), theirs, part(x, of_x), theirs)
                mine = [z[one].clone().requires_grad_() for z, one in zip((x, y, a, b), cut)]
                masses = [w if k in given else None for k, w in zip("ab", mine[2:])]
                found = getattr(distributed, loss)(*mine[:2], *masses, y_sharded=sharded, averaged=False, **options)
                same = dict(rtol=1e-6, atol=1e-9, msg=lambda told: f"{{name}}, {{given}}, {{sharded}}: {{told}}")
                torch.testing.assert_close(found, want, **same)
                for one, other, here in zip(torch.autograd.grad(found, mine, allow_unused=True), slopes, cut):
                    assert (one is None) == (other is None), name
                    if one is not None:
                        torch.testing.assert_close(one, other[here], **same)
    print("fine")
    """
    for code, output in together(world, textwrap_cases(body)):
        assert code == 0, output
        assert output.strip().endswith("fine")


def test_weights_that_are_none_are_an_error_everywhere(together):
    body = """
    a, b, first = torch.ones(37), torch.ones(29), rank == 0
    cases = {
        "one here only": (dict(a=a if first else None), "on all processes or on none: torch.ones(len(x))"),
        "another number": (dict(a=a[:3] if first else a), "a must have one weight" if first else "another one"),
        "negative": (dict(a=-a if first else a), "a must be finite and non-negative" if first else "another one"),
        "no numbers": (dict(a=a * float("nan") if first else a), "a must be finite" if first else "another one"),
        "a list": (dict(a=a.tolist() if first else a), "a must be a tensor" if first else "another one"),
        "nothing at all": (dict(a=0 * a), "a must carry some mass"),
        "other totals": (dict(a=a, b=b), "a and b must carry the same total mass"),
        "another b": (dict(b=b + rank), "y and b must be the same"),
        "one point": (dict(a=a * (torch.arange(37) == 0) * first, unbiased=True), "two points of positive weight"),
    }
    for name, (given, text) in cases.items():
        try:
            distributed.mmd_loss(x, y, **given)
        except otgen.InvalidInput as fault:
            assert text in str(fault), (name, fault)
        else:
            raise SystemExit("accepted: " + name)
    mine, theirs = a[: 30 if first else 7], b[: 12 if first else 17] * 37 / 29  # totals of all, not of each
    distributed.mmd_loss(x[: len(mine)], y[: len(theirs)], mine, theirs, y_sharded=True)
    weights = torch.ones(37, dtype=torch.float64, requires_grad=True)
    mask = torch.arange(37) % 2 == rank
    padded = distributed.mmd_loss(x, y, weights, x_mask=mask)
    slope, = torch.autograd.grad(padded, weights)
    assert (slope[~mask] == 0).all() and (slope[mask] != 0).any()
    torch.testing.assert_close(padded, nn.mmd_loss(x, y))
    print("fine")
    """
    for code, output in together(2, body):
        assert code == 0, output
        assert output.strip().endswith("fine")


def textwrap_cases(body):
    """The cases in place of ``{cases}``, indented as the rest."""
    return body.replace("{cases}", CASES.strip().replace("\n", "\n    "))


def test_under_ddp_and_fsdp_the_step_is_that_of_one_process(together):
    """Both networks on shards of their own input; gradients of parameters are averaged over processes."""
    body = """
    {cases}
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard
    from torch.nn.parallel import DistributedDataParallel

    torch.manual_seed(0)
    noise, shares, mesh = torch.randn(37, 3, dtype=torch.float64), [30, 7], init_device_mesh("cpu", (world,))
    alone = torch.nn.Linear(3, 2, dtype=torch.float64)

    def copied():
        again = torch.nn.Linear(3, 2, dtype=torch.float64)
        again.load_state_dict(alone.state_dict())
        return again

    def ddp():
        wrapped = DistributedDataParallel(copied())
        return wrapped, lambda z: z

    def fsdp():
        return fully_shard(copied(), mesh=mesh), lambda z: z.full_tensor()

    for name in ("sinkhorn", "exact", "sliced", "mmd"):
        loss, options = CASES[name]
        alone.zero_grad()
        getattr(nn, loss)(alone(noise), alone(noise[:9] + 1).exp(), **options).backward()
        for make in (ddp, fsdp):
            wrapped, whole = make()
            here = torch.cat([noise[part(noise, shares)], noise[:9][rank::2] + 1])
            out = wrapped(here)
            mine, theirs = out[: shares[rank]], out[shares[rank] :].exp()
            getattr(distributed, loss)(mine, theirs, y_sharded=True, **options).backward()
            for one, other in zip(alone.parameters(), wrapped.parameters()):
                torch.testing.assert_close(whole(other.grad), one.grad, rtol=1e-6, atol=1e-9, msg=lambda told: name + told)
    print("fine")
    """
    for code, output in together(2, textwrap_cases(body)):
        assert code == 0, output
        assert output.strip().endswith("fine")


def test_what_is_promised_of_each(together):
    """Drawn directions are those of the first process; there are no second derivatives; padding of both sides counts nowhere."""
    body = """
    torch.manual_seed(5 + rank)
    mine, theirs = x[rank::2].clone().requires_grad_(), y[rank::2]
    found = distributed.sliced_wasserstein_loss(mine, theirs, y_sharded=True, n_projections=5, directions="orthogonal")
    torch.manual_seed(5)
    torch.testing.assert_close(found, nn.sliced_wasserstein_loss(x, y, n_projections=5, directions="orthogonal"))
    for loss, options in (("sinkhorn_loss", dict(epsilon=0.1)), ("wasserstein_loss", {}), ("mmd_loss", {})):
        call = getattr(distributed, loss)
        (slope,) = torch.autograd.grad(call(mine, theirs, y_sharded=True, **options), mine, create_graph=True)
        try:
            slope.sum().backward()
        except otgen.InvalidInput as fault:
            assert "of first order" in str(fault), fault
        else:
            raise SystemExit("second derivatives of " + loss)
        x_mask, y_mask = torch.arange(len(mine)) % 3 > 0, torch.arange(len(theirs)) < 6 * rank
        padded = [z.detach().where(mask[:, None], float("nan")) for z, mask in ((mine, x_mask), (theirs, y_mask))]
        found = call(padded[0], padded[1], x_mask=x_mask, y_mask=y_mask, y_sharded=True, **options)
        whole_x = torch.cat([x[k::2][torch.arange(len(x[k::2])) % 3 > 0] for k in range(2)])
        want = getattr(nn, loss)(whole_x, y[1::2][:6], **options)
        torch.testing.assert_close(found, want, rtol=1e-6, atol=1e-9)
    with torch.inference_mode():
        found = distributed.mmd_loss(mine.detach(), theirs, y_sharded=True)
    torch.testing.assert_close(found, distributed.mmd_loss(mine, theirs, y_sharded=True).detach())
    for debias in (False, True):  # far above all costs epsilon leaves their means
        found = distributed.sinkhorn_loss(mine, theirs, y_sharded=True, epsilon=1e21, debias=debias)
        want = torch.cdist(x, y).square().mean() - debias * (torch.cdist(x, x).square().mean() + torch.cdist(y, y).square().mean()) / 2
        torch.testing.assert_close(found.detach(), want, rtol=0, atol=1e-12)
    same = distributed.mmd_loss(mine.detach(), mine.detach(), y_sharded=True)
    assert 0 <= same.item() < 1e-12
    assert distributed.wasserstein_loss(mine.detach().half(), theirs.float(), y_sharded=True).dtype is torch.float32
    print("fine")
    """
    for code, output in together(2, body):
        assert code == 0, output
        assert output.strip().endswith("fine")


def test_gradients_of_nearly_equal_clouds_are_right_to_the_tolerance(together):
    """Iterations go on where terms cancel; a limit that is too low for that is said, and what was reached is kept."""
    body = """
    near = y + 1e-4 * torch.randn(29, 2, dtype=torch.float64, generator=generator)
    truth, here = near.clone().requires_grad_(), slice(0, 20) if rank == 0 else slice(20, 29)
    sinkhorn_loss(truth, y, epsilon=0.05, tol=1e-12).backward()
    for sharded in (False, True):
        mine = near[here].clone().requires_grad_()
        distributed.sinkhorn_loss(mine, y[here] if sharded else y, epsilon=0.05, tol=1e-4, y_sharded=sharded, averaged=False).backward()
        off = (mine.grad - truth.grad[here]).norm() / truth.grad[here].norm()
        assert off < 1e-3, off
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        distributed.sinkhorn_loss(near[here], y, epsilon=0.01, tol=1e-2, max_iter=40)
    assert "may be off by" in str(told[-1].message)
    assert told[-1].filename == "<string>", told[-1].filename
    print("fine")
    """
    for code, output in together(2, body):
        assert code == 0, output
        assert output.strip().endswith("fine")
