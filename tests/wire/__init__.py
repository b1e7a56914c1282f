"""What goes out, byte for byte: a rich run of the real worker, compared with a fixture."""
