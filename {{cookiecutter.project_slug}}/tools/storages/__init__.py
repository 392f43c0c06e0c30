"""The kinds of result storage that this project can make, a module each."""
