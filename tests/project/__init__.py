"""Rules about the repository itself: its structure, its lock file, what it deploys."""
