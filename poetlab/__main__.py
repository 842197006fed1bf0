"""`python -m poetlab` is the `poetlab` command."""

from poetlab.cli.main import main

main()
