"""The picture of digits on the page of training: full runs at seed 0, some seven minutes on an idle core; run as a script, this writes it anew."""

from pathlib import Path

from otgen.app.report.training import side_by_side
from otgen.lab.training import train

METHODS = "wgan", "vae", "avb", "aae", "wae", "vqvae"
DPI = 70
STORED = Path(__file__).parents[1] / "_static" / "training-digits.png"

if __name__ == "__main__":
    figure = side_by_side({method: train(method, "digits", threads=1) for method in METHODS})
    figure.savefig(STORED, dpi=DPI, metadata={"Software": None})
