"""Training: runs are functions of their seed, go on where they stopped, and are judged by what is known of the data."""

from __future__ import annotations

import json
import math
import resource

import numpy as np
import pytest

pytest.importorskip("torch", reason="otgen.lab.training needs torch")
import torch

import otgen
from otgen.errors import InvalidInput, NotConverged
from otgen.lab.training import DATA, METHODS, named, path_energy, run, train
from otgen.lab.training import modes as score_modes
from otgen.lab.training.flows import Independent, Minibatch, Semidiscrete
from otgen.lab.training.methods import Sizes
from otgen.lab.training.recipes import RECIPES
from otgen.lab.training.scores import accuracy, labels, scores


class TestData:
    @pytest.mark.parametrize("name", DATA)
    def test_samples(self, name):
        data = named(name)
        one, two = (data.draw(50, np.random.default_rng(0)) for _ in range(2))
        assert one.shape == (50, data.dim)
        np.testing.assert_array_equal(one, two)
        assert 0.3 < np.abs(one / data.scale).max() < 1.6

    def test_held_out_digits_are_held_out(self):
        data = named("digits")
        train_set = {row.tobytes() for row in data.draw(20_000, np.random.default_rng(0))}
        held_out = {row.tobytes() for row in data.held_out(500, np.random.default_rng(0))}
        assert len(train_set) > 1200
        assert len(held_out) == 500
        assert len(train_set & held_out) <= 2  # the data set itself has a few equal images

    @pytest.mark.parametrize("name", DATA)
    def test_a_whole_data_set(self, name):
        data = named(name)
        one, two = (data.data_set(np.random.default_rng(0)) for _ in range(2))
        np.testing.assert_array_equal(one, two)
        assert one.shape == (1297 if name == "digits" else 4096, data.dim)

    def test_modes_are_where_the_protocol_has_them(self):
        ring, grid = named("ring"), named("grid")
        np.testing.assert_allclose(np.linalg.norm(ring.modes, axis=1), 1.0)
        assert len(grid.modes) == 25
        assert sorted({*grid.modes[:, 0]}) == [-4, -2, 0, 2, 4]
        for data, share in ((ring, 1 - math.exp(-4.5)), (grid, 1 - math.exp(-4.5))):
            found = score_modes(data.draw(50_000, np.random.default_rng(0)), data.modes, data.width)
            assert found["high_quality"] == pytest.approx(share, abs=0.002)
            assert found["modes"] == len(data.modes)
            assert found["reverse_kl"] < 1e-3

    def test_no_samples_have_no_score(self):
        with pytest.raises(InvalidInput, match="samples must hold at least one point"):
            score_modes(np.zeros((0, 2)), np.zeros((3, 2)), 0.1)


class TestScores:
    def test_reverse_kl_of_collapse(self):
        data = named("ring")
        found = score_modes(np.repeat(data.modes[:2], [30, 10], axis=0), data.modes, data.width)
        truth = 0.75 * math.log(0.75 * 8) + 0.25 * math.log(0.25 * 8)
        assert found == {"modes": 2.0, "high_quality": 1.0, "reverse_kl": pytest.approx(truth)}

    def test_no_mode_at_all(self):
        assert score_modes(np.full((5, 2), 9.0), np.zeros((2, 2)), 0.1)["reverse_kl"] == math.inf

    def test_real_samples_score_as_real(self):
        data, rng = named("ring"), np.random.default_rng(0)
        found = scores(data, lambda n: data.draw(n, rng), np.random.default_rng(1))
        assert found["w2_lower"] <= found["w2"] <= found["w2_upper"]
        assert found["w2"] < 3 * found["w2_real"]

    def test_digits_under_the_classifier(self):
        from otgen.lab.training.data import labelled_digits

        images, targets = labelled_digits()
        assert accuracy(images[500:], targets[500:]) > 0.95
        found = labels(images[500:])
        assert found["label_entropy"] == pytest.approx(math.log(10), abs=0.01)
        assert labels(np.tile(images[600], (50, 1)))["label_entropy"] == pytest.approx(0, abs=1e-12)

    def test_path_energy_of_straight_lines_is_none(self):
        """A translation's velocity is constant: the energy is the squared distance."""
        noise = np.random.default_rng(0).normal(size=(500, 2))
        assert path_energy(lambda x, t: np.tile([3.0, 4.0], (len(x), 1)), noise, 25.0) == pytest.approx(0, abs=1e-12)
        assert path_energy(
            lambda x, t: np.tile([6 * (t < 0.5), 8.0 * (t < 0.5)], (len(x), 1)), noise, 25.0
        ) == pytest.approx(1)


by_fewer = pytest.mark.usefixtures("judged_by_fewer")


class TestRuns:
    @by_fewer
    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.by_day(4)
    def test_every_method_runs_and_is_a_function_of_its_seed(self, method, doubles_by_default):
        data = "digits" if RECIPES[method].images_only else "ring"
        one, other = (train(method, data, steps=1, batch_size=16, seed=seed) for seed in (1, 2))
        with doubles_by_default():  # to torch's default nothing is owed either
            two = train(method, data, steps=1, batch_size=16, seed=1)
        last = one.snapshots[1]
        assert np.isfinite(last).all()
        np.testing.assert_array_equal(last, two.snapshots[1])
        assert not np.array_equal(last, other.snapshots[1])
        assert one.history == two.history

    @by_fewer
    @pytest.mark.parametrize(
        "method", ["wgan", "wgan-gp", "vqvae", pytest.param("ot-cfm", marks=pytest.mark.nightly), "sd-cfm", "avb"]
    )
    @pytest.mark.by_day(2)
    def test_going_on_is_as_if_it_had_never_stopped(self, tmp_path, method):
        data = "digits" if RECIPES[method].images_only else "grid"
        options = dict(steps=6, batch_size=12, seed=3)
        whole = train(method, data, folder=tmp_path / "whole", **options)

        class Pulled(Exception):
            pass

        def stop(step, steps, measured):
            if step == 5:
                raise Pulled

        with pytest.raises(Pulled):
            train(method, data, folder=tmp_path / "cut", tell=stop, **options)
        again = train(method, data, folder=tmp_path / "cut", resume=True, **options)
        for step, samples in whole.snapshots.items():
            np.testing.assert_array_equal(again.snapshots[step], samples)
        assert again.history == whole.history
        names = {"checkpoint.safetensors", "metrics.jsonl", "scores.json"}
        assert {path.name for path in (tmp_path / "cut").iterdir()} == names
        lines = (tmp_path / "cut" / "metrics.jsonl").read_text().splitlines()
        assert [json.loads(line)["step"] for line in lines] == [1, 2, 3, 4, 5, 6]

    @by_fewer
    @pytest.mark.parametrize("left", [None, "a line"], ids=["absent", "of the stop before"])
    def test_a_run_that_was_stopped_within_its_last_checkpoint(self, tmp_path, left):
        """The checkpoint is written first; what stands beside it is made up for."""
        options = dict(steps=2, batch_size=8, folder=tmp_path)
        whole, path = train("sliced", "ring", **options), tmp_path / "metrics.jsonl"
        told = path.read_text()
        path.unlink()
        if left:
            path.write_text(told.splitlines(keepends=True)[0])
        again = train("sliced", "ring", resume=True, **options)
        assert path.read_text() == told
        assert {k: v for k, v in again.scores.items() if k != "seconds"} == {
            k: v for k, v in whole.scores.items() if k != "seconds"
        }

    @by_fewer
    def test_a_disk_that_is_full_is_an_error_of_the_system(self, tmp_path):
        """Not one of safetensors'; and nothing stays that a run could not go on from."""
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
        try:
            with pytest.raises(OSError, match="too large"):
                train("sliced", "ring", steps=1, batch_size=8, folder=tmp_path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert not list(tmp_path.iterdir())

    @by_fewer
    def test_the_global_generator_is_left_alone(self):
        torch.manual_seed(7)
        expected = torch.rand(3)
        torch.manual_seed(7)
        train("sliced", "ring", steps=2)
        assert torch.equal(torch.rand(3), expected)

    @pytest.mark.no_cover
    @pytest.mark.nightly
    def test_transport_losses_find_all_modes(self):
        run = train("sliced", "ring", steps=400)
        assert run.scores["modes"] == 8
        assert run.scores["w2"] < run.history[0]["w2"] + 0.05

    def test_an_auto_encoder_learns(self):
        run = train("wae", "digits", steps=150)
        assert run.scores["accuracy"] > 0.6
        assert run.history[-1]["cost"] < run.history[0]["cost"]

    @by_fewer
    def test_a_loss_that_is_no_number(self):
        with pytest.raises(NotConverged, match="lower the learning rate"):
            train("sinkhorn", "ring", steps=50, learning_rate=1e30)


class TestFlows:
    def test_a_semidiscrete_coupling_pairs_nearer_than_batches_do(self):
        """At the same noise: pairs at random, the best of each batch of 64, and the map to the whole data set."""
        data = named("eight-gaussians")
        whole = torch.tensor(data.draw(400, np.random.default_rng(0)) / data.scale, dtype=torch.float32)
        sizes = Sizes(2, False, generator=torch.Generator().manual_seed(0), data_set=lambda: whole)
        draws = np.random.default_rng(1)

        def real(n):
            return whole[draws.integers(len(whole), size=n)]

        noise = torch.randn(32, 64, 2, generator=torch.Generator().manual_seed(1))
        costs = []
        for kind in (Semidiscrete, Minibatch, Independent):
            paired = kind(sizes)
            parts = [paired(batch, real) for batch in noise]
            costs.append(float(np.mean([(x1 - x0).square().sum(dim=1).mean() for x0, x1 in parts])))
        assert costs[0] < 0.97 * costs[1]
        assert costs[1] < 0.5 * costs[2]

    def test_what_a_checkpoint_holds(self):
        whole = torch.eye(2)
        assert Minibatch(Sizes(2, False)).modules == {}
        held = Semidiscrete(Sizes(2, False, data_set=lambda: whole)).modules["coupling"].state_dict()
        assert {"x1", "potential", "weights", "_extra_state"} == set(held)


class TestRefusals:
    @pytest.mark.parametrize(
        ("arguments", "options", "words"),
        [
            (("gam",), {}, "method must be one of"),
            (("gan", "rings"), {}, "data must be one of"),
            (("vqvae", "ring"), {}, "data must be digits"),
            (("gan",), {"steps": 0}, "steps"),
            (("gan",), {"batch_size": 1}, "batch_size"),
            (("gan",), {"learning_rate": -1.0}, "learning_rate"),
            (("gan",), {"seed": -1}, "seed"),
            (("gan",), {"resume": True}, "folder"),
        ],
    )
    def test_bad_input(self, arguments, options, words):
        with pytest.raises(InvalidInput, match=words):
            train(*arguments, **options)

    @by_fewer
    def test_folders(self, tmp_path):
        options = dict(steps=2, batch_size=4)
        train("sliced", folder=tmp_path / "run", **options)
        with pytest.raises(InvalidInput, match="must not hold a run already"):
            train("sliced", folder=tmp_path / "run", **options)
        with pytest.raises(InvalidInput, match="of a run with the same options"):
            train("sliced", folder=tmp_path / "run", resume=True, steps=3, batch_size=4)
        with pytest.raises(InvalidInput, match="must hold a checkpoint"):
            train("sliced", folder=tmp_path / "none", resume=True, **options)
        (tmp_path / "file").write_text("")
        with pytest.raises(InvalidInput, match="received a file"):
            train("sliced", folder=tmp_path / "file", **options)
        (tmp_path / "run" / "checkpoint.safetensors").write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00{}      ")
        with pytest.raises(InvalidInput, match="must be a checkpoint of a run"):
            train("sliced", folder=tmp_path / "run", resume=True, **options)


@by_fewer
class TestCommand:
    def cli(self, *arguments):
        from typer.testing import CliRunner

        from otgen.app.commands import app

        return CliRunner().invoke(app, ["train", *map(str, arguments)])

    def test_a_run(self, tmp_path):
        found = self.cli("sliced", "--data", "ring", "--steps", 4, "--out", tmp_path / "a")
        assert found.exit_code == 0, found.output
        assert "high quality" in found.stdout
        assert "w2 of these samples, proven within" in found.stdout
        assert found.stderr == "", "a bar is for terminals"
        assert (tmp_path / "a" / "samples.png").read_bytes()[:4] == b"\x89PNG"

    def test_digits_as_json(self, tmp_path):
        found = json.loads(self.cli("vae", "--data", "digits", "--steps", 4, "--out", tmp_path / "b", "--json").stdout)
        assert found["method"] == "vae"
        assert found["accuracy_real"] > 0.9

    def test_a_stop_says_how_to_go_on(self, tmp_path, monkeypatch):
        def stopped(*arguments, **options):  # Ctrl-C: a signal would come at no known step
            raise KeyboardInterrupt

        monkeypatch.setattr("otgen.lab.training.train", stopped)
        assert self.cli("sliced", "--out", tmp_path / "c").exit_code == 130


@by_fewer
def test_sides_of_a_picture():
    from otgen.app.report.training import mosaic, side_by_side

    assert mosaic(np.zeros((3, 64))).shape == (80, 80)
    runs = {name: train(name, "ring", steps=1) for name in ("sliced", "gan")}
    assert len(side_by_side(runs).axes) == 3


def test_sizes():
    assert Sizes(64, True).noise > Sizes(2, False).noise
    assert otgen.lab is not None


def test_rates_fall_along_a_cosine_to_a_hundredth():
    _, state = run._fresh("sliced", "ring", 0, None)
    (optimiser,) = state.method.optimisers.values()
    found = []
    for share in (0.0, 0.5, 1.0):
        run._set_rates(state, share)
        found.append(optimiser.param_groups[0]["lr"] / optimiser.param_groups[0]["initial_lr"])
    assert found == pytest.approx([1.0, 0.505, 0.01], rel=1e-12)


@by_fewer
def test_eight_snapshots_the_last_of_them_at_the_end():
    found = train("sliced", "ring", steps=20)
    assert len(found.history) == len(found.snapshots) == 8
    assert max(found.snapshots) == 20
