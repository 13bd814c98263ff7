"""What is asked and what is claimed."""
