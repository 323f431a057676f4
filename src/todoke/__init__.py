"""Todoke (届け): the back office of Japanese municipal programmes."""

import os

# before Arrow is loaded: its own allocator keeps what is freed, 70 MB of 410 when a ward's labels are printed
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
