"""Frames worth labeling: which ones of videos, and why."""
