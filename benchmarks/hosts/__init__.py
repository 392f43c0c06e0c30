"""The playbook's time beside a person's."""
