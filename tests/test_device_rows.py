"""``make device`` with an emulated GPU: whether its rows run and end in the file; what they measure there says nothing."""

import json

import device
import emulated
import pytest

pytestmark = pytest.mark.skipif(emulated.COMPILER is None, reason="needs g++")


@pytest.mark.parametrize("rows", ["n=8000", pytest.param("", marks=pytest.mark.nightly)])
def test_rows_run(rows, tmp_path):
    pytest.importorskip("torch", reason="otgen.nn needs torch")
    out = tmp_path / "device.json"
    with emulated.device():
        told = device.main(["--tiny", "--no-tests", "--rows", rows, "--out", str(out)])
    assert json.loads(out.read_text()) == told
    assert told["rows"]
    assert not [(name, row) for name, row in told["rows"].items() if "failed" in row]


def test_a_row_that_fails_or_does_not_fit_is_told(tmp_path, monkeypatch):
    def fails():
        raise ValueError("no memory")

    rows = [device.Row("one", fails, 1.0), device.Row("other", dict, 50.0), device.Row("third", dict, 2.0)]
    monkeypatch.setattr(device.Bench, "rows", lambda self: iter(rows))
    with emulated.device():
        told = device.main(["--no-tests", "--seconds", "9", "--out", str(tmp_path / "device.json")])["rows"]
    assert "no memory" in told["one"]["failed"]
    assert "about 50 s are needed" in told["other"]["left_out"]
    assert told["third"] == {}
