"""The parts of `benchmarks/peers.py`: other engines set up beside Sampan, given the same work, and measured in turn.

Knows what each engine wants (its virtual environment, its model files, its API). Refuses to know how Sampan computes:
Sampan is driven through its public Python API like the others through theirs.
"""
