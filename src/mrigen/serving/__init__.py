"""Registered generators over HTTP."""
