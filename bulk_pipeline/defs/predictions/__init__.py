"""The model, scored batches, stored predictions and their checks."""
