"""The text encoder: bge-small fine-tuned on sentiment, exported as text.onnx with its vocabulary."""
