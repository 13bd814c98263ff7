"""Losses and pairings of whole batches whose rows live on many processes.

Each is what one process with all the rows would compute. Every process calls the same function with its own rows, and gets the
same value and the gradients of its own rows.

What fails anywhere, input or solver, is an error everywhere. A process that ends is an error on the others as soon as the connection tells them, one that
stays away after the timeout of the group: torch's error then has a note that says so. Where one process solves, the others wait for it within that timeout.
"""

from .exact import wasserstein_loss
from .mmd import mmd_loss
from .pairing import pair
from .sinkhorn import sinkhorn_loss
from .sliced import sliced_wasserstein_loss

__all__ = ["mmd_loss", "pair", "sinkhorn_loss", "sliced_wasserstein_loss", "wasserstein_loss"]
