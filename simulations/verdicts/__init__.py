"""Verdicts: checks with error bars, the ledger of claims, and tables of both."""
