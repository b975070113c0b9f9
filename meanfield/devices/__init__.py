"""Devices: particles shared out among several."""
