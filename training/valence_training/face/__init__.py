"""The face encoder: a small net that learns expressions from FER2013."""
