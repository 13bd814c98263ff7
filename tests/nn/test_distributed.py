"""The loss of a batch in shards, against one process; processes that fail."""

from __future__ import annotations

import pytest

import otgen

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

from otgen.nn import distributed

pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without torch.distributed")


def test_padding_of_shards_is_not_there(together):
    """Whatever it holds; one process has nothing but padding."""
    body = """
    x_mask, y_mask = torch.arange(37) % 3 > 0, torch.arange(29) % 4 > 0
    x_mask[30:] = False
    whole = x.clone().requires_grad_()
    want = sinkhorn_loss(whole, y, x_mask=x_mask, y_mask=y_mask, epsilon=0.3, tol=1e-10)
    want.backward()
    here = slice(0, 30) if rank == 0 else slice(30, 37)
    mine = x.where(x_mask[:, None], float("nan"))[here].clone().requires_grad_()
    masks = dict(x_mask=x_mask[here], y_mask=y_mask)
    theirs = y.where(y_mask[:, None], float("inf"))
    found = distributed.sinkhorn_loss(mine, theirs, **masks, epsilon=0.3, tol=1e-10, averaged=False)
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
        "an epsilon of nothing": (dict(epsilon=1e-13), "epsilon must be at least"),
        "costs beyond floats": (dict(x=x * 1e200), "epsilon must be at least"),
        "an order that is none": (dict(p=0.5 if first else 2), "p must be" if first else "another one"),
        "a limit that is none": (dict(max_iter=0 if first else 10), "max_iter must be" if first else "another one"),
        "a flag that is none": (dict(averaged="yes" if first else True), "averaged must be" if first else "another one"),
        "no tensor": (dict(x=[[0.0, 1.0]] if first else x), "x must be a tensor" if first else "another one"),
        "numbers": (dict(x=x[:, 0] if first else x), "x and y must be (n, d)" if first else "another one"),
        "complex": (dict(x=x * 1j if first else x), "real numbers" if first else "another one"),
        "infinity": (dict(y=y / 0 if first else y), "y must have data" if first else "another one"),
        "no rows at all": (dict(x=x[:0]), "x must have a row on some process"),
        "no rows of y at all": (dict(y=y[:0], y_sharded=True), "y must have a row on some process"),
        "sharded here only": (dict(y_sharded=first), "options must be the same"),
        "averaged here only": (dict(averaged=first), "options must be the same"),
        "other dimensions": (dict(x=x if first else x[:, :1], y=y if first else y[:, :1], y_sharded=True), "dimension of y must be the same"),
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
    others = {
        "another loss": (lambda: distributed.mmd_loss(x, y) if first else distributed.wasserstein_loss(x, y), "options must be the same"),
        "another order": (lambda: distributed.wasserstein_loss(x, y, p=1 + first), "options must be the same"),
        "one point": (lambda: distributed.mmd_loss(x[:1] if first else x[:0], y, unbiased=True), "two points of positive weight for an unbiased"),
        "no kernel": (lambda: distributed.mmd_loss(x, y, kernel="linear"), "kernel must be one of"),
        "no scale": (lambda: distributed.mmd_loss(x, y, scale=()), "scale must hold"),
        "other directions": (lambda: distributed.sliced_wasserstein_loss(x, y, directions=torch.eye(2) + rank), "options must be the same"),
        "directions of another dimension": (lambda: distributed.sliced_wasserstein_loss(x, y, directions=torch.eye(3)), "directions must be (L, 2)"),
        "another number of them": (lambda: distributed.sliced_wasserstein_loss(x, y, n_projections=3 + rank), "options must be the same"),
        "no group of ours": (lambda: distributed.mmd_loss(x, y, group=lone) if not first else distributed.wasserstein_loss(x[:0], y, group=lone), "must"),
    }
    lone = dist.new_group([0])
    for name, (call, text) in others.items():
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
    value = distributed.sinkhorn_loss(half, y.float(), epsilon=0.05)
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
    assert "another process of the group has ended" in output


def test_a_process_that_stays_away_is_an_error_after_the_timeout(together):
    body = """
    both = dist.new_group([0, 1], timeout=timedelta(seconds=1))
    if rank == 0:
        try:
            distributed.mmd_loss(x, y, group=both)
        except RuntimeError as fault:
            assert "did not come within the group's timeout" in fault.__notes__[0]
            print("fine")
    """
    for (code, output), want in zip(together(2, body), ("fine", "")):
        assert code == 0, output
        assert output.strip() == want


def test_what_fails_in_one_process_is_told_to_all(together):
    """Whatever it is: an interrupt, and what only the process that solves runs into."""
    body = """
    from otgen.nn.distributed._processes import Processes
    processes = Processes(None)

    def fails():
        if rank == 1:
            raise KeyboardInterrupt
        return 1

    try:
        processes.together(fails)
    except (KeyboardInterrupt, otgen.errors.OtgenError) as fault:
        assert type(fault) is (KeyboardInterrupt if rank == 1 else otgen.errors.OtgenError), fault
        assert rank == 1 or "another process failed" in str(fault)
    try:
        distributed.pair(x, y, method="sinkhorn", epsilon=1e-3, max_iter=1)
    except otgen.NotConverged as fault:
        assert "1 iteration," in str(fault) if rank == 0 else "another process stopped at its limit" in str(fault), fault
        print("fine")
    """
    for code, output in together(2, body):
        assert code == 0, output
        assert output.strip().endswith("fine")


def test_without_processes_it_says_what_to_do():
    with pytest.raises(otgen.InvalidInput, match="must be initialised"):
        distributed.sinkhorn_loss(torch.zeros(2, 1), torch.zeros(2, 1), epsilon=0.1)
