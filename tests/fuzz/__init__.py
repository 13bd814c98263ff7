"""Examples without end: every public function, on every kind of input, each example a function of a seed.

An example is a word and a number, ``wasserstein:17``. ``python -m tests.fuzz --repeat wasserstein:17`` runs that one again;
``python -m tests.fuzz --count 1000000 --state fuzz.json`` runs a million and goes on where it was stopped.
"""
