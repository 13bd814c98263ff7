"""The front door: distances between sample sets, each with its proof."""
