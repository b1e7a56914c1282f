"""What several tests need: inputs, workers, and readers of what was committed."""
