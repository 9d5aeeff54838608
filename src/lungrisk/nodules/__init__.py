"""Nodules: found, outlined, measured, rated."""
