"""How ops run: the same file and function names for every backend."""
