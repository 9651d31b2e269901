"""What a network is: torch modules, each with the frozen config that sizes it."""
