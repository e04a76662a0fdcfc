"""The command line; it loads JAX only inside the commands that compute."""

from scalebayes.cli.app import main

__all__ = ["main"]
