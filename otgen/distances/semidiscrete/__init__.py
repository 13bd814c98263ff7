"""Semidiscrete transport, from noise that can be sampled to finitely many points: a potential, its map, and what held-out noise says of it."""
