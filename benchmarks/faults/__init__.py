"""What goes wrong around a program, done to ours on purpose: `python -m benchmarks.faults`."""
