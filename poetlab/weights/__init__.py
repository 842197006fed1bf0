"""Weights that others have published: which there are, fetching them, and adding files by hand."""
