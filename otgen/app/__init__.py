"""What people run: the command line, file formats and reports. Nothing imports it."""
