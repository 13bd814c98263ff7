"""Small honest training loops: every objective of the notes on data whose answer is known, or on digits. Needs torch."""

from ...errors import require

require("torch")

from .data import NAMES as DATA
from .data import Data, named
from .recipes import RECIPES
from .run import Run, train
from .scores import modes, path_energy, scores

METHODS = tuple(RECIPES)

__all__ = ["DATA", "METHODS", "Data", "Run", "modes", "named", "path_energy", "scores", "train"]
