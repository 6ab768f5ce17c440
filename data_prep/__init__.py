"""Converters from the raw data sets to record sets."""
