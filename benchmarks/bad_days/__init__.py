"""Inputs that break programs for optimal transport, run through ours and through others beside it, each in a process of its own."""
