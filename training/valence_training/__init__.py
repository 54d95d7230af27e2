"""Training of valence's models: data, training, evaluation, export and golden vectors."""
