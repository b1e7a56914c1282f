"""Peers on the same work, each in its own idiom and its own locked environment.

Law of the folder: these files import nothing of this project but `work`, for they run where it
is not installed. ``<name>.txt`` is the locked environment of ``<name>_app.py``. A folder with a
``pom.xml`` is a peer in Java; what all of those do for an event is in ``java/``.
"""
