"""The order of the gallery: what has pictures first, from a distance to training; then scripts."""

ORDER = (
    "plot_interval.py",
    "plot_entropic.py",
    "plot_training.py",
    "plot_theorems.py",
    "pairwise_cluster.py",
    "ddp.py",
    "fsdp.py",
)


class FirstPictures:
    """A key for sphinx-gallery; a file that is not listed stops the build."""

    def __init__(self, folder):
        del folder

    def __call__(self, name):
        return ORDER.index(name)
