"""Training on sequences of features, as the field's files hold them: one loop for this project's net and its peers."""
