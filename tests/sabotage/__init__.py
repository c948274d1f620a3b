"""Sabotage: every mechanism that a promise or a rule leans on is broken once, and the tests beside it must notice."""
