"""Tests of `features`, room by room."""
