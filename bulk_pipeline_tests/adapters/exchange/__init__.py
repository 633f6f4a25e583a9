"""Tests of the exchange: rows out to other machines, scores back."""
