"""All pairs of a collection: sets that are read when they are needed, tiles of pairs, their checkpoints, and who works on them."""
