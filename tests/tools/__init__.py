"""Scripts that build the data of the two packages from public lists."""
