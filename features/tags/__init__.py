"""Tags content: the interests it stands for, with weights and the source of each.

Law of the folder: the taxonomy is the only list of interests, and a sensitive one never becomes
a tag. Public face: `taxonomy.load`, `exact`, `entry`; `text` where nothing exact is known."""
