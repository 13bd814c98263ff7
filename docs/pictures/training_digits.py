"""The picture of digits on the page of training: full runs at seed 0, which take some ten minutes; run as a script, this writes it anew."""

from pathlib import Path

from otgen.app.report.training import side_by_side
from otgen.lab.training import train

METHODS = "vae", "aae", "vqvae", "wae", "wgan", "avb"
STORED = Path(__file__).parents[1] / "_static" / "training-digits.png"

if __name__ == "__main__":
    figure = side_by_side({method: train(method, "digits", threads=1) for method in METHODS})
    figure.savefig(STORED, metadata={"Software": None})
