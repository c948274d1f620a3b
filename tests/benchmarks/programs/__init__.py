"""The programs that take part: each side of a contest in processes of its own."""
