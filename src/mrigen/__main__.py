"""`python -m mrigen` is the same as `mrigen`."""

from mrigen.cli import main

if __name__ == "__main__":
    main()
