"""Checkpoints of training that were altered: none is gone on from in silence."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch

from otgen.errors import InvalidInput, TooLarge
from otgen.lab.training import checkpoint, train
from otgen.lab.training.recipes import threads_for

OPTIONS = dict(steps=2, batch_size=4)


@pytest.fixture(scope="module", params=["sliced", "wgan"])
def half(request, tmp_path_factory):
    """The checkpoint of a run's first step of two; how many samples judge it is fixed, and would take most of the time."""

    def stop(step, steps, measured):
        if step == 2:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys.modules["otgen.lab.training.scores"], "_SAMPLES", 100)  # a function has its name
        folder = tmp_path_factory.mktemp(request.param)
        with pytest.raises(KeyboardInterrupt):
            train(request.param, folder=folder, tell=stop, **OPTIONS)
        yield folder / checkpoint.NAME


@pytest.fixture
def method(half):
    return half.parent.name.rstrip("0123456789")


@pytest.fixture
def written(half, tmp_path):
    return Path(shutil.copy(half, tmp_path))


def resumed(path, method):
    return train(method, folder=path.parent, resume=True, **OPTIONS)


def contents(path):
    with safetensors.safe_open(path, framework="pt") as opened:
        return json.loads(opened.metadata()["run"]), {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118


def sealed(held, words):
    """As one who knows the format would write it."""
    return safetensors.torch.save(held, {"run": words, "digest": checkpoint.digest(held, words)})


def seal(path, notes, held):
    path.write_bytes(sealed(held, json.dumps(notes)))


def entry(held, ending, number=0):
    return [key for key in held if key.startswith("optimiser.") and key.endswith(ending)][number]


def without(held, ending):
    for key in [key for key in held if key.startswith("optimiser.") and key.endswith(ending)]:
        del held[key]


ALTERED = {
    "no entries of optimisers": lambda notes, held: without(held, ""),
    "no moments": lambda notes, held: without(held, "avg") or without(held, "avg_sq"),
    "no steps of optimisers": lambda notes, held: without(held, ".step"),
    "one entry less": lambda notes, held: held.pop(entry(held, ".step")),
    "one parameter less": lambda notes, held: without(held, ".".join(entry(held, ".step").split(".")[-2:])),
    "an entry more": lambda notes, held: held.update({entry(held, ".step").replace("step", "max"): torch.zeros(1)}),
    "a parameter more": lambda notes, held: held.update({entry(held, ".step").replace(".0.", ".99."): torch.zeros(())}),
    "an index that is none": lambda notes, held: held.update(
        {entry(held, ".step").replace(".0.", ".x."): torch.zeros(())}
    ),
    "a moment of another shape": lambda notes, held: held.update({entry(held, "avg"): torch.zeros(1)}),
    "a moment of another dtype": lambda notes, held: held.update({(key := entry(held, "avg")): held[key].double()}),
    "a step of another optimiser": lambda notes, held: held.update({entry(held, ".step"): torch.tensor(7.0)}),
    "steps below one": lambda notes, held: held.update(
        {key: torch.tensor(-1.0) for key in held if key.startswith("optimiser.") and key.endswith("step")}
    ),
    "steps that are no number": lambda notes, held: held.update(
        {key: torch.tensor(np.nan) for key in held if key.startswith("optimiser.") and key.endswith("step")}
    ),
    "weights in halves": lambda notes, held: held.update({key: held[key].half() for key in held if "module" in key}),
    "whole weights": lambda notes, held: held.update({key: held[key].int() for key in held if "module" in key}),
    "a tensor of nobody": lambda notes, held: held.update({"module.other.weight": torch.zeros(2)}),
    "no weight": lambda notes, held: held.pop(next(key for key in held if "module" in key)),
    "no noise": lambda notes, held: held.pop("noise"),
    "noise of another size": lambda notes, held: held.update({"noise": held["noise"][:-1].clone()}),
    "a step beyond the last": lambda notes, held: notes.update(step=999),
    "a negative step": lambda notes, held: notes.update(step=-1),
    "step 0": lambda notes, held: notes.update(step=0, history=[]) or held.pop("snapshot.1"),
    "a step in text": lambda notes, held: notes.update(step="1"),
    "half a step": lambda notes, held: notes.update(step=1.5),
    "a step that is true": lambda notes, held: notes.update(step=True),
    "no step": lambda notes, held: notes.pop("step"),
    "the step after": lambda notes, held: notes.update(step=2),
    "no history": lambda notes, held: notes.update(history=[]),
    "a history of lists": lambda notes, held: notes.update(history=[[["step", 1.0]]]),
    "a history that is none": lambda notes, held: notes.update(history=None),
    "a line twice": lambda notes, held: notes.update(history=2 * notes["history"]),
    "a line of another step": lambda notes, held: notes["history"][0].update(step=2.0),
    "a line of text": lambda notes, held: notes["history"][0].update(w2="small"),
    "no picture": lambda notes, held: held.pop("snapshot.1"),
    "a picture of another step": lambda notes, held: held.update({"snapshot.7": held.pop("snapshot.1")}),
    "no draws": lambda notes, held: notes.update(draws={}),
    "draws of another kind": lambda notes, held: notes["draws"].update(bit_generator="MT19937"),
    "draws beyond": lambda notes, held: notes["draws"]["state"].update(state=2**200),
}


@pytest.mark.parametrize("name", ALTERED)
def test_an_altered_checkpoint_is_refused(written, method, name):
    notes, held = contents(written)
    ALTERED[name](notes, held)
    seal(written, notes, held)
    before = written.read_bytes()
    with pytest.raises(InvalidInput, match=r"must be a checkpoint of a run; received .*; start anew"):
        resumed(written, method)
    assert written.read_bytes() == before


def test_what_was_not_altered_goes_on(written, method):
    notes, held = contents(written)
    seal(written, notes, held)
    assert [line["step"] for line in resumed(written, method).history] == [1, 2]


def test_one_bit(written, method):
    content = bytearray(written.read_bytes())
    content[-9] ^= 1  # of a tensor, the lowest digits of a number
    written.write_bytes(content)
    with pytest.raises(InvalidInput, match="some bit of it was changed"):
        resumed(written, method)


@pytest.mark.skipif(sys.platform == "win32", reason="devices as Unix has them")
@pytest.mark.parametrize("kind", ["folder", "device", "sparse", "nested", "claims", "no seal"])
def test_other_things_in_its_place(written, method, kind):
    notes, held = contents(written)
    written.unlink()
    error, words = InvalidInput, "must be a checkpoint of a run; received"
    if kind == "folder":
        written.mkdir()
    elif kind == "device":
        written.symlink_to("/dev/zero")
    elif kind == "sparse":
        with written.open("wb") as file:
            file.truncate(2**43)  # more than fits, and nothing of it on the disk
        error, words = TooLarge, "must fit in memory"
    elif kind == "nested":
        written.write_bytes(sealed(held, "[" * 10**5))
    elif kind == "claims":
        header = json.dumps({"noise": {"dtype": "F64", "shape": [2**60], "data_offsets": [0, 2**63]}}).encode()
        written.write_bytes(len(header).to_bytes(8, "little") + header + bytes(64))
    else:
        written.write_bytes(safetensors.torch.save(held, {"run": json.dumps(notes)}))
    with pytest.raises(error, match=words):
        resumed(written, method)


def test_a_seed_of_numpys(tmp_path, half):
    train("sliced", folder=tmp_path, seed=np.int64(3), **OPTIONS)
    assert contents(tmp_path / checkpoint.NAME)[0]["given"]["seed"] == 3


@pytest.mark.parametrize("folder", [3, b"run", "a\0b"])
def test_names_that_no_folder_can_have(folder):
    with pytest.raises(InvalidInput, match="folder must be the name of a folder; received"):
        train("sliced", folder=folder, **OPTIONS)


def test_a_run_goes_on_with_the_threads_that_it_began_with(written, method):
    """On them its last bits depend, so others are refused."""
    notes, held = contents(written)
    assert notes["given"]["threads"] == threads_for(method, "ring", torch.get_num_threads())
    notes["given"]["threads"] = 3
    seal(written, notes, held)
    seen = []
    with pytest.raises(InvalidInput, match=r"same options; received one with {'threads': 3}"):
        train(method, folder=written.parent, resume=True, threads=2, **OPTIONS)
    run = train(
        method, folder=written.parent, resume=True, tell=lambda *_: seen.append(torch.get_num_threads()), **OPTIONS
    )
    assert (run.threads, seen, checkpointed(written)["threads"]) == (3, [3], 3)


def checkpointed(path):
    return contents(path)[0]["given"]


@pytest.mark.parametrize("threads", [None, 0, "2", 2.5, 10**9])
def test_threads_that_are_no_number_are_refused_in_a_checkpoint_too(written, method, threads):
    notes, held = contents(written)
    notes["given"]["threads"] = threads
    seal(written, notes, held)
    with pytest.raises(InvalidInput, match=r"must be a checkpoint|same options"):
        resumed(written, method)


@pytest.mark.parametrize(
    ("method", "data", "most", "count"),
    [
        ("gan", "ring", 64, 2),
        ("gan", "ring", 1, 1),
        ("vae", "digits", 64, 1),
        ("vae", "ring", 2, 2),
        ("gan", "digits", 8, 2),
    ],
)
def test_how_many_threads(method, data, most, count):
    assert threads_for(method, data, most) == count
