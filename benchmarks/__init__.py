"""What the README claims, each measured beside its baseline."""
