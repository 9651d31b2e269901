"""The entry point of the command ``handily``, which must answer even where the command is not installed."""

from __future__ import annotations

import sys

from vla.extras import MissingExtra, needs


def main() -> None:
    """Run the command; on a robot computer without the extra ``cli``, say in one line how to get it.

    Exit code 2 in that case, as for any mistake that a person can mend.
    """
    try:
        with needs("cli"):
            from vla.cli import main as command
    except MissingExtra as error:
        sys.stderr.write(f"handily: {error}\n")
        sys.exit(2)
    command()
