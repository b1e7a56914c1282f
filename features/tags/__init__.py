"""What a piece of content stands for: interests with weights, and where each comes from.

Law of the folder: the taxonomy is the only list of interests, and a sensitive one never becomes
a tag. Public face: `taxonomy.load`, `exact`, `entry`; `text` where nothing exact is known."""
