"""Poses into files that other tools open, and back."""
