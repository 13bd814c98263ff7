"""The picture of the first page and of the README, which the gallery draws; run as a script, this writes it anew."""

import runpy
from pathlib import Path

import matplotlib.pyplot as plt

DOCS = Path(__file__).parents[1]
STORED = DOCS / "_static" / "interval.png"

runpy.run_path(str(DOCS / "examples" / "plot_interval.py"))
figure = plt.gcf()
if __name__ == "__main__":
    figure.savefig(STORED, metadata={"Software": None})
