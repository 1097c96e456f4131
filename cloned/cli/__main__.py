"""`python -m cloned.cli`."""

from cloned.cli.main import main

main()
