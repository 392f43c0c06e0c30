"""Flows of {{ cookiecutter.project_slug }}, and what they share."""
