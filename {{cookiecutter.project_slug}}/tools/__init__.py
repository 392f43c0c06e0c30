"""What a developer's machine does for the project; nothing here runs where flows run.

This package comes from the template as it is, and `cruft update` renews it.
"""
