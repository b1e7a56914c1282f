"""Holds the subcommands of ``interest-streams``: one file each, of the same name.

Law of the folder: a file has ``NAME``, ``HELP`` (for the list of all), ``add_arguments(parser)``
and ``run(args)``, which returns the exit code. Nobody imports it, not even another command: the
command line finds it by its name and loads no other, and what two of them share stands in a room
to the left. What only some calls need, the compiler above all, is imported inside a function."""
