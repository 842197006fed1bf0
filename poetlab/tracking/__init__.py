"""Detections of single frames into individuals over a whole video."""
