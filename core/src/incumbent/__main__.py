"""`python -m incumbent` is the command `incumbent`, for where no script is on the path."""

from .cli import script

if __name__ == "__main__":
    script()
