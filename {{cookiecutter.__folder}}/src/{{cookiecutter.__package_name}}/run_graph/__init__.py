"""The graph of a flow run as it really ran, and a picture of it.

`flow.visualize()` guesses from the code, and refuses flows that submit or map tasks. This asks the
Prefect API what ran after what: `python -m {{ cookiecutter.__package_name }}.run_graph FLOW_RUN_ID graph.svg`.
"""
