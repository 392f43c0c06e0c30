"""What runs in the environment of a generated project, and prints what it found as JSON."""
