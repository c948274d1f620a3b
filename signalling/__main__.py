"""`python -m signalling` is `eitherway serve`."""

from signalling.cli import serve

serve()
