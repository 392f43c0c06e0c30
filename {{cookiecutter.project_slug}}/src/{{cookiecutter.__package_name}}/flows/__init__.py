"""The flows of this project, a module each."""
