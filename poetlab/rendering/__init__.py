"""Poses drawn onto images and videos."""
