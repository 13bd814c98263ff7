"""Mutation testing: ``make mutants``."""
