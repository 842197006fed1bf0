"""Poses into the files of other tools: one file a format, one table of them in `formats`."""
