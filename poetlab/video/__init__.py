"""Frames out of and into video files."""
