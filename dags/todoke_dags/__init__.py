"""What the DAG files share. A DAG file holds a graph; its tasks are one call of `todoke.process` each.

`todoke.process` is imported when a task runs, not when its file is parsed: files are parsed again and again.
"""
