"""The command `meanfield`, as `python -m meanfield`."""

import sys

from meanfield.command.main import main

if __name__ == "__main__":
    sys.exit(main())
