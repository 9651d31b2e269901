"""``python -m vla.cli``: the command, where no script is installed."""

from vla.cli import main

main()
