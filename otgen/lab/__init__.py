"""Small reproducible experiments: laws whose transport is known, and what can be learned from their samples."""
