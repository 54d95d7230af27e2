"""Speech before it becomes features: what is done to a clip of a corpus so that it sounds like a call."""
