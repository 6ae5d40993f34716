"""The live probe: a few of the smallest orders that find out what the exchange does not document."""
