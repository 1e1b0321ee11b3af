"""Hosts: they use only the contract."""
