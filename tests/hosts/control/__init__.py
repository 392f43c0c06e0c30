"""The control side of the tests: Prefect's server, a project, and the playbook."""
