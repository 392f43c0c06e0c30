"""A Docker engine of the tests' own, an image to build on, and a project that uses both."""
