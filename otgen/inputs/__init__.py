"""The only door: user arrays in and back, options, memory."""
