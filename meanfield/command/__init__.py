"""The command `meanfield`, where engine, theory, studies and figures meet: one file a subcommand.

It may import all four packages, and none of them imports it.
"""
