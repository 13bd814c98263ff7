"""One pairing over processes: that of one process, to the last index."""

from __future__ import annotations

import pytest

import otgen

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without torch.distributed")


def test_pairs_are_those_of_one_process(together):
    """Images in half precision, uneven and empty shards; drawn or not, with weights, conditions, prices."""
    body = """
    def part(z, shares):
        return z[sum(shares[:rank]) : sum(shares[: rank + 1])]

    def noise(*shape):
        return torch.randn(*shape, generator=generator)

    of_0, of_1 = [9, 0, 12], [0, 20, 1]
    x0, x1, c0, c1 = noise(21, 1, 2, 2), noise(21, 1, 2, 2), noise(21, 2), noise(21, 2)
    a, b = noise(21).exp().double(), noise(21).exp().double()
    a, b = a / a.sum(), b / b.sum()
    cases = {
        "exact": {},
        "ties": dict(x0=x0.round(), x1=x1.round()),
        "halves": dict(x0=x0.bfloat16(), x1=x1.half(), p=1, metric="cityblock"),
        "weights": dict(a=a, b=b),
        "conditions": dict(condition0=c0, condition1=c1, weight=3.0),
        "sinkhorn": dict(method="sinkhorn", epsilon=otgen.Relative(0.5)),
        "unbalanced": dict(method="unbalanced", epsilon=1.0, b=b),
        "partial": dict(penalty=1.5),
        "partial weights": dict(penalty=1.5, a=a),
    }
    for name, options in cases.items():
        given = dict(x0=x0, x1=x1) | options
        torch.manual_seed(3)
        want = coupling.pair(**given)
        torch.manual_seed(3 + rank)
        mine = {
            key: part(z, of_0 if key in ("x0", "a", "condition0") else of_1) if isinstance(z, torch.Tensor) else z
            for key, z in given.items()
        }
        found = distributed.pair(**mine)
        everyone = [None] * world
        dist.all_gather_object(everyone, found._replace(plan=None))
        for field in ("x0", "x1", "rows", "columns"):
            whole = torch.cat([getattr(one, field) for one in everyone])
            assert torch.equal(whole, getattr(want, field)), (name, field)
            assert whole.dtype == getattr(want, field).dtype
        if want.unmatched is not None:
            for k in range(2):
                assert torch.equal(torch.cat([one.unmatched[k] for one in everyone]), want.unmatched[k]), name
        if name in ("exact", "partial"):
            start = sum(of_0[:rank])
            assert ((found.rows >= start) & (found.rows < start + of_0[rank])).all()
        assert (found.plan is None) == (rank > 0)
    found = distributed.pair(part(x0, of_0), part(x1, of_1), method="sinkhorn", rng=7 + rank)
    want = coupling.pair(x0, x1, method="sinkhorn", rng=7)
    assert torch.equal(found.columns, part(want.columns, of_0))
    found = distributed.pair(part(x0, of_0), part(x1, of_1), metric=lambda x, y: abs(x[:, None] - y).max(-1), p=1)
    assert torch.equal(found.columns, part(coupling.pair(x0, x1, metric="chebyshev", p=1).columns, of_0))
    print("fine")
    """
    for code, output in together(3, body):
        assert code == 0, output
        assert output.strip().endswith("fine")


def test_whatever_differs_or_is_malformed_anywhere_is_an_error_everywhere(together):
    body = """
    first = rank == 0
    z = x.float()
    cases = {
        "numbers": (lambda: distributed.pair(z[:, 0] if first else z, z), "one sample a row" if first else "another one"),
        "a gradient": (lambda: distributed.pair(z.clone().requires_grad_(not first), z), "another one" if first else "not require gradients"),
        "weights of some": (lambda: distributed.pair(z, z, a=torch.ones(37) if first else None), "sizes and dtypes"),
        "another dtype": (lambda: distributed.pair(z if first else z.double(), z), "sizes and dtypes"),
        "too few weights": (lambda: distributed.pair(z, z, a=torch.ones(36) if first else torch.ones(37)), "a row for each of 37" if first else "another one"),
        "another method": (lambda: distributed.pair(z, z, method="exact" if first else "sinkhorn"), "options must be"),
        "no method": (lambda: distributed.pair(z, z, method="random"), "method must be" if first else "another one"),
        "none": (lambda: distributed.pair(z[:0], z), "a sample on some process"),
        "another size": (lambda: distributed.pair(z, z[:, :1]), "samples of one size" if first else "another one"),
        "no mass": (lambda: distributed.pair(z, z + 9, penalty=0.1), "penalty must leave" if first else "another one"),
        "a loss": (lambda: distributed.pair(z, z) if first else distributed.mmd_loss(z, z), "must be the same on every process"),
    }
    for name, (call, text) in cases.items():
        try:
            call()
        except otgen.InvalidInput as fault:
            assert text in str(fault), (name, fault)
        else:
            raise SystemExit("accepted: " + name)
    print("fine")
    """
    for code, output in together(2, body):
        assert code == 0, output
        assert output.strip().endswith("fine")


def test_without_processes_it_says_what_to_do():
    with pytest.raises(otgen.InvalidInput, match=r"otgen\.nn\.coupling"):
        otgen.nn.distributed.pair(torch.zeros(2, 1), torch.zeros(2, 1))
