"""Are the scores honest: measured on real data, printed, and held against what was promised."""
