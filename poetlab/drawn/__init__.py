"""Drawn data: pictures and videos of alike animals whose poses, outlines and identities are known exactly."""
