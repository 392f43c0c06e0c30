"""Deployed flows, and what runs them."""
