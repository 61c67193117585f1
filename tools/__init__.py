"""Command-line tools: thin mains over zoo/. Run as `python -m tools.NAME --help`."""
