"""A shim for tools that still look for it: pyproject.toml is the truth."""

from setuptools import setup

setup()
