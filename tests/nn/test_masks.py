"""Padding: a masked batch is its problems alone, and whatever padding holds changes nothing; shared clouds are expanded ones."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import otgen

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

from otgen import nn

AXES = torch.tensor([[1.0, 0.5], [-0.3, 1.0], [0.2, 0.1]], dtype=torch.float64)
TO_THE_BIT = {
    "exact": nn.wasserstein_loss,
    "distance": partial(nn.wasserstein_loss, p=2, root=True),
    "cityblock": partial(nn.wasserstein_loss, p=1, metric="cityblock"),
    "divergence": partial(nn.sinkhorn_loss, epsilon=0.3),
    "relative": partial(nn.sinkhorn_loss, epsilon=otgen.Relative(0.2), debias=False),
}
ROUNDED = {  # by matrix products, and by powers, whose last bit depends on where in a vector a number stands
    "order 1.5": partial(nn.wasserstein_loss, p=1.5, root=True),
    "relaxed": partial(nn.sinkhorn_loss, epsilon=0.3, relax=1.0),
    "sliced": partial(nn.sliced_wasserstein_loss, directions=AXES),
    "sliced, root": partial(nn.sliced_wasserstein_loss, directions=AXES, p=3, root=True),
    "energy": nn.mmd_loss,
    "unbiased": partial(nn.mmd_loss, kernel="imq", unbiased=True),
}
LOSSES = TO_THE_BIT | ROUNDED
JUNK = [float("nan"), float("inf"), float("-inf"), 1e300, 0.0]
each = pytest.mark.parametrize("name", LOSSES)


def padded(rng, parts, size, junk):
    """Arrays (n_k, ...) among junk, (B, size, ...), in order, and which entries they are."""
    out, mask = np.full((len(parts), size, *parts[0].shape[1:]), junk), np.zeros((len(parts), size), bool)
    for k, part in enumerate(parts):
        at = np.sort(rng.permutation(size)[: len(part)])
        out[k, at], mask[k, at] = part, True
    return torch.tensor(out), torch.tensor(mask)


@st.composite
def ragged(draw):
    """Clouds of several sizes as lists, weights or None, and the generator that places them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sizes = draw(st.lists(st.tuples(st.integers(2, 7), st.integers(2, 7)), min_size=1, max_size=4))
    xs, ys = ([rng.normal(size=(pair[side], 2)) + side for pair in sizes] for side in (0, 1))
    weights = draw(st.sampled_from(["", "a", "ab"]))
    a, b = ([rng.random(pair[side]) + 0.1 for pair in sizes] for side in (0, 1))
    a, b = [[w / w.sum() for w in side] for side in (a, b)]
    return rng, xs, ys, a if "a" in weights else None, b if "b" in weights else None


def loss_and_gradients(loss, *tensors, **options):
    leaves = [z if z is None else z.clone().requires_grad_() for z in tensors]
    value = loss(*leaves, **options)
    value.sum().backward()
    return value.detach(), [None if z is None else z.grad for z in leaves]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@each
@given(problem=ragged(), junk=st.sampled_from(JUNK), other_junk=st.sampled_from(JUNK))
@pytest.mark.by_day(5)
def test_a_masked_batch_is_each_problem_alone(name, dtype, problem, junk, other_junk):
    rng, xs, ys, a, b = problem
    loss, state = LOSSES[name], rng.bit_generator.state
    answers = []
    for filling in (junk, other_junk):
        rng.bit_generator.state = state
        (x, x_mask), (y, y_mask) = padded(rng, xs, 9, filling), padded(rng, ys, 8, filling)
        weights = []
        for side, mask in ((a, x_mask), (b, y_mask)):
            held = None if side is None else torch.full(mask.shape, filling, dtype=torch.float64)
            if side is not None:
                held[mask] = torch.tensor(np.concatenate(side))
            weights.append(held)
        given_ = [None if z is None else z.to(dtype) for z in (x, y, *weights)]
        answers.append(loss_and_gradients(loss, *given_, x_mask=x_mask, y_mask=y_mask, reduction="none"))
    (value, slopes), (again, others) = answers
    assert torch.equal(value, again)
    masks = (x_mask, y_mask, x_mask, y_mask)
    for slope, other, mask in zip(slopes, others, masks):
        if slope is not None:
            assert torch.equal(slope, other)
            assert (slope[~mask] == 0).all()
    rounding = 1e-12 if dtype is torch.float64 else 2e-5
    for k in range(len(xs)):
        part = [None if z is None else torch.tensor(z[k], dtype=dtype) for z in (xs, ys, a, b)]
        alone, wanted = loss_and_gradients(loss, *part)
        kept = [None if z is None else z[k][mask[k]] for z, mask in zip(slopes, masks)]
        if name in TO_THE_BIT:
            assert torch.equal(value[k], alone)
            assert torch.equal(kept[0], wanted[0])
            assert torch.equal(kept[1], wanted[1])
        torch.testing.assert_close(value[k], alone, rtol=rounding, atol=rounding)
        for found, want in zip(kept, wanted):
            if want is not None:
                torch.testing.assert_close(found, want, rtol=rounding * 10, atol=rounding * 10)


def masked_pair():
    rng = np.random.default_rng(0)
    x, x_mask = padded(rng, [rng.normal(size=(n, 2)) for n in (3, 5, 2)], 6, float("nan"))
    y, y_mask = padded(rng, [rng.normal(size=(n, 2)) + 1 for n in (4, 2, 5)], 6, float("inf"))
    return x, y, x_mask, y_mask


@each
def test_masks_of_single_clouds_and_one_mask_for_all(name):
    x, y, x_mask, y_mask = masked_pair()
    loss = LOSSES[name]
    alone = loss(x[0], y[0], x_mask=x_mask[0], y_mask=y_mask[0])
    torch.testing.assert_close(alone, loss(x[0][x_mask[0]], y[0][y_mask[0]]), rtol=1e-12, atol=1e-12)
    both = torch.stack([x[0], x[0] + 1]), torch.stack([y[0], y[0] - 1])
    for_all = loss(*both, x_mask=x_mask[0], y_mask=y_mask[0], reduction="none")
    torch.testing.assert_close(for_all[0], alone)
    assert for_all.shape == (2,)


@each
def test_under_vmap(name):
    x, y, x_mask, y_mask = masked_pair()

    def alone(x, y, x_mask, y_mask):
        return LOSSES[name](x, y, x_mask=x_mask, y_mask=y_mask)

    want, slopes = loss_and_gradients(LOSSES[name], x, y, x_mask=x_mask, y_mask=y_mask, reduction="none")
    found = torch.func.vmap(torch.func.grad_and_value(alone))(x, y, x_mask, y_mask)
    torch.testing.assert_close(found[1], want)
    torch.testing.assert_close(found[0], slopes[0])


@pytest.mark.filterwarnings("ignore")
@each
@pytest.mark.by_day(3)
def test_under_compile(name):
    x, y, x_mask, y_mask = masked_pair()
    want, slopes = loss_and_gradients(LOSSES[name], x, y, x_mask=x_mask, y_mask=y_mask)
    torch._dynamo.reset()
    compiled = torch.compile(LOSSES[name], backend="aot_eager", fullgraph=True)
    found, others = loss_and_gradients(compiled, x, y, x_mask=x_mask, y_mask=y_mask)
    torch.testing.assert_close(found, want)
    torch.testing.assert_close(others[0], slopes[0])


@pytest.mark.parametrize("name", ["exact", "divergence", "sliced", "energy"])
def test_modules_take_masks(name):
    modules = {
        "exact": nn.WassersteinLoss(),
        "divergence": nn.SinkhornLoss(0.3),
        "sliced": nn.SlicedWassersteinLoss(directions=AXES),
        "energy": nn.MMDLoss(),
    }
    x, y, x_mask, y_mask = masked_pair()
    found = modules[name](x, y, x_mask=x_mask, y_mask=y_mask)
    torch.testing.assert_close(found, LOSSES[name](x, y, x_mask=x_mask, y_mask=y_mask))


@pytest.mark.parametrize(
    "loss", [nn.wasserstein_loss, partial(nn.sinkhorn_loss, epsilon=0.5, tol=1e-12), *(ROUNDED.values())]
)
@pytest.mark.by_day(3)
def test_gradients_of_masked_problems(loss):
    """By differences; padding takes no part."""
    x, y, x_mask, y_mask = masked_pair()
    x, y = x.nan_to_num(0.0, 5.0), y.nan_to_num(0.0, 5.0)
    a = torch.rand(x_mask.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 0.5
    inputs = [z.requires_grad_() for z in (x, y, a)]

    def call(x, y, a):
        return loss(x, y, a, x_mask=x_mask, y_mask=y_mask, reduction="none")

    if isinstance(loss, partial) and "relax" in loss.keywords:
        call_with = partial(loss, tol=1e-12, x_mask=x_mask, y_mask=y_mask, reduction="none")
        assert torch.autograd.gradcheck(call_with, inputs, atol=1e-5)
    else:
        assert torch.autograd.gradcheck(call, inputs, atol=1e-5)


def test_second_derivatives_of_a_masked_divergence():
    x, y, x_mask, y_mask = masked_pair()
    x = x[:2, :, :].nan_to_num(0.0).requires_grad_()

    def call(x):
        return nn.sinkhorn_loss(
            x, y[:2], x_mask=x_mask[:2], y_mask=y_mask[:2], epsilon=0.5, tol=1e-12, reduction="none"
        )

    assert torch.autograd.gradgradcheck(call, [x], atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
@each
@pytest.mark.by_day(4)
def test_padding_changes_no_bit_of_second_derivatives(name, dtype):
    """Nor of values and first ones, whatever numbers it holds."""
    answers = []
    for junk in (*JUNK, 0.7):
        rng = np.random.default_rng(0)
        x, x_mask = padded(rng, [rng.normal(size=(n, 2)) for n in (3, 5, 2)], 6, junk)
        y, y_mask = padded(rng, [rng.normal(size=(n, 2)) + 1 for n in (4, 2, 5)], 6, junk)
        leaves = [z.to(dtype).requires_grad_() for z in (x, y)]
        value = LOSSES[name](*leaves, x_mask=x_mask, y_mask=y_mask)
        first = torch.autograd.grad(value, leaves, create_graph=True)
        second = torch.autograd.grad(sum((z.float() ** 2).sum() for z in first), leaves)
        answers.append([value, *first, *second])
    for other in answers[1:]:
        assert all(torch.equal(one, two) for one, two in zip(answers[0], other))


MATRIX = {
    "exact": nn.transport_loss,
    "entropic": partial(nn.transport_loss, epsilon=0.5, tol=1e-12),
    "relative": partial(nn.transport_loss, epsilon=otgen.Relative(0.2)),
    "relaxed": partial(nn.transport_loss, epsilon=0.5, relax=1.0, tol=1e-12),
}


class TestMatrices:
    @pytest.mark.parametrize("name", MATRIX)
    @given(problem=ragged(), junk=st.sampled_from(JUNK))
    @pytest.mark.by_day(5)
    def test_a_masked_batch_is_each_problem_alone(self, name, problem, junk):
        rng, xs, ys, a, b = problem
        rows, columns = (padded(rng, side, 8, 0.0)[1] for side in (xs, ys))
        here = rows[:, :, None] & columns[:, None, :]
        C = torch.tensor(rng.random(here.shape)).where(here, junk)
        weights = [None, None]
        for side, (given_, mask) in enumerate(((a, rows), (b, columns))):
            if given_ is not None:
                weights[side] = torch.full(mask.shape, junk, dtype=torch.float64)
                weights[side][mask] = torch.tensor(np.concatenate(given_))
        loss = MATRIX[name]
        masks = dict(row_mask=rows, column_mask=columns)
        value, slopes = loss_and_gradients(loss, C, *weights, **masks, reduction="none")
        assert (slopes[0][~here] == 0).all()
        for k in range(len(xs)):
            kept = [None if z is None else z[k][mask[k]] for z, mask in zip(weights, (rows, columns))]
            alone, wanted = loss_and_gradients(loss, C[k][rows[k]][:, columns[k]], *kept)
            torch.testing.assert_close(value[k], alone, rtol=1e-12, atol=1e-12)
            torch.testing.assert_close(slopes[0][k][rows[k]][:, columns[k]], wanted[0], rtol=1e-9, atol=1e-12)
            if name == "exact":
                assert torch.equal(value[k], alone)

    @pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
    @pytest.mark.parametrize("name", MATRIX)
    def test_padding_changes_no_bit(self, name, dtype):
        _, _, rows, columns = masked_pair()
        C = torch.rand(3, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        answers = []
        for junk in (*JUNK, 0.7):
            held = C.where(rows[:, :, None] & columns[:, None, :], junk).to(dtype)
            answers.append(loss_and_gradients(MATRIX[name], held, row_mask=rows, column_mask=columns))
        for value, slopes in answers[1:]:
            assert torch.equal(value, answers[0][0])
            assert torch.equal(slopes[0], answers[0][1][0])

    def test_plans_have_derivatives(self):
        """And are 0 at padding; by differences."""
        _, _, rows, columns = masked_pair()
        C = torch.rand(3, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()

        def found(C):
            return nn.entropic_plan(C, row_mask=rows, column_mask=columns, epsilon=0.5, tol=1e-13)

        plan, f, g = found(C)
        assert (plan[~(rows[:, :, None] & columns[:, None, :])] == 0).all()
        assert (f[~rows] == 0).all()
        assert (g[~columns] == 0).all()
        assert torch.autograd.gradcheck(lambda C: tuple(found(C)), [C], atol=1e-5)
        alone = nn.entropic_plan(C[1][rows[1]][:, columns[1]], epsilon=0.5, tol=1e-13)
        torch.testing.assert_close(plan[1][rows[1]][:, columns[1]], alone.plan)

    def test_under_compile_and_as_a_module(self):
        _, _, rows, columns = masked_pair()
        C = torch.rand(3, 6, 6, dtype=torch.float64)
        masks = dict(row_mask=rows, column_mask=columns)
        torch._dynamo.reset()
        compiled = torch.compile(nn.transport_loss, backend="aot_eager")
        torch.testing.assert_close(compiled(C, **masks), nn.TransportLoss()(C, **masks))


class TestRefusals:
    @each
    def test_a_mask_that_leaves_nothing(self, name):
        x, y, x_mask, y_mask = masked_pair()
        y_mask[1] = False
        for weights in ({}, dict(b=torch.ones(3, 6))):
            with pytest.raises(otgen.InvalidInput, match=r"y_mask must leave a point.*none in problem 1 of 3"):
                LOSSES[name](x, y, x_mask=x_mask, y_mask=y_mask, **weights)

    @pytest.mark.filterwarnings("ignore")
    @pytest.mark.parametrize("name", ["exact", "divergence"])
    def test_a_mask_that_leaves_nothing_in_compiled_code(self, name):
        x, y, x_mask, y_mask = masked_pair()
        x_mask[2] = False
        torch._dynamo.reset()
        compiled = torch.compile(LOSSES[name], backend="aot_eager")
        with pytest.raises(Exception, match="mask must leave a point"):
            compiled(x, y, x_mask=x_mask, y_mask=y_mask)

    @pytest.mark.parametrize(
        ("mask", "message"),
        [
            (torch.ones(4), "tensor of bool"),
            ([True] * 4, "tensor of bool"),
            (torch.ones(3, dtype=torch.bool), "of each point whether it counts"),
            (torch.ones(1, 2, 4, dtype=torch.bool), "of each point whether it counts"),
            (torch.ones(4, dtype=torch.bool, device="meta"), "one device"),
        ],
    )
    def test_what_is_no_mask(self, mask, message):
        with pytest.raises(otgen.InvalidInput, match=f"x_mask must .*{message}"):
            nn.mmd_loss(torch.zeros(4, 2), torch.zeros(4, 2), x_mask=mask)

    def test_masks_of_another_number_of_problems(self):
        with pytest.raises(otgen.InvalidInput, match="equally many problems; received 2 of x, 2 of y, 3 of x_mask"):
            nn.mmd_loss(torch.zeros(2, 4, 2), torch.zeros(2, 4, 2), x_mask=torch.ones(3, 4, dtype=torch.bool))


class TestSharedSupports:
    """(n, d) points with (B, n) weights are what ``expand`` made of them."""

    @pytest.mark.parametrize("weighted", ["a", "b", "ab", "x", "y"])
    @each
    def test_equal_expanded_ones(self, name, weighted):
        generator = torch.Generator().manual_seed(1)
        x, y = (torch.randn(n, 2, dtype=torch.float64, generator=generator) for n in (5, 4))
        a, b = (torch.rand(3, n, dtype=torch.float64, generator=generator).softmax(-1) for n in (5, 4))
        weights = [a if "a" in weighted else None, b if "b" in weighted else None]
        if weighted == "x":
            x = torch.stack([x, x + 1, 2 * x])
        if weighted == "y":
            y = torch.stack([y, y + 1, 2 * y])
        loss = partial(LOSSES[name], reduction="none")

        def expanded(x, y, *weights):
            return loss(x.expand(3, 5, 2), y.expand(3, 4, 2), *weights)

        value, slopes = loss_and_gradients(loss, x, y, *weights)
        want, wanted = loss_and_gradients(expanded, x, y, *weights)
        assert value.shape == (3,)
        torch.testing.assert_close(value, want, rtol=1e-12, atol=1e-13)
        for slope, other in zip(slopes, wanted):
            if other is not None:
                torch.testing.assert_close(slope, other, rtol=1e-10, atol=1e-12)

    def test_a_mask_of_each_problem(self):
        x, y, x_mask, y_mask = masked_pair()
        found = nn.wasserstein_loss(x[1].nan_to_num(0.0), y, x_mask=x_mask, y_mask=y_mask, reduction="none")
        want = nn.wasserstein_loss(
            x[1].nan_to_num(0.0).expand(3, 6, 2), y, x_mask=x_mask, y_mask=y_mask, reduction="none"
        )
        assert torch.equal(found, want)

    @pytest.mark.parametrize("name", ["energy", "sliced", "exact", "divergence"])
    def test_far_from_the_origin(self, name):
        """Weights of 4 problems at 1e6: no digit more is lost than by a problem alone."""
        x, y = (torch.rand(6, 2, dtype=torch.float64) + 1e6 for _ in range(2))
        a = torch.rand(4, 6, dtype=torch.float64).softmax(-1)
        found = LOSSES[name](x, y, a, reduction="none")
        want = torch.stack([LOSSES[name](x, y, w) for w in a])
        torch.testing.assert_close(found, want, rtol=1e-7, atol=1e-9)
