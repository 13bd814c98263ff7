"""The objectives of generative models as pure functions of what networks put out, each with its equation.

``gan``, ``wgan``, ``vae``, ``adversarial`` (AVB, AAE, penalised transport), ``vqvae``; ``minibatch`` tells what the objective
stands for on the batch at hand, exactly.
"""

from . import adversarial, gan, minibatch, vae, vqvae, wgan

__all__ = ["adversarial", "gan", "minibatch", "vae", "vqvae", "wgan"]
