"""Benchmarks against what people would use otherwise: `python -m tests.benchmarks`, or `make bench`."""
