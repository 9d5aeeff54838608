"""Scans and cohorts of known truth: an oracle that shares no code with the line."""
