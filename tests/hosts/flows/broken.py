"""A flow's module that ends the process before there is a flow."""

import os

os._exit(1)
