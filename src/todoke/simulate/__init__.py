"""The simulated ward: made-up people, their files, orders and calls, written against `interfaces.md` alone.

Nothing here imports the pipeline, so a file that the pipeline misreads cannot be misread the same way here.
"""
