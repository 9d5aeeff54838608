"""A seeded fuzzer of everything that lungrisk reads, judged by the truth of what was mutated. `scripts/fuzz.py` runs it.

bases (small inputs of every kind) -> mutations (one seeded change) -> targets (which input, which change, read by what) -> judging.
"""
