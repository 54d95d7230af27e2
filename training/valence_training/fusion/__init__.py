"""The text-guided fusion net: windows of three streams become a calibrated sentiment."""
