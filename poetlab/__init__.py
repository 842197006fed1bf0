"""Poses of many animals in images and videos, with POET, the pose estimation transformer."""

__version__ = "0.1.0"
