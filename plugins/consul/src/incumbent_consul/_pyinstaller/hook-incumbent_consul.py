"""What is imported by its name only."""

hiddenimports = ["consul"]
