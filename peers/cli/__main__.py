"""`python -m peers.cli`: the command `eitherway` where its script is not on the path."""

from peers.cli import main

main(prog_name="eitherway")
