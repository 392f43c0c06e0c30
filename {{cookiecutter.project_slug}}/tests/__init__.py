"""Tests of {{ cookiecutter.project_slug }}."""
