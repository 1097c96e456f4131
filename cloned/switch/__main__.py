"""`python -m cloned.switch`: the process that reads switches for the daemon."""

from cloned.switch.worker import main

main()
