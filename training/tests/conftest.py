"""What all tests share."""

import torch

# Two threads that wait for each other on a busy machine are slower than one, and sums could differ.
torch.set_num_threads(1)
