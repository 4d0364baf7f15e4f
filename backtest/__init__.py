"""Yesterday through today's code: the cores of the services in one loop, without their shells.

`run` decides what the running services would decide, candle by candle, to the same ids.
"""
