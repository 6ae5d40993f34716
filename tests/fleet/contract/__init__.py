"""What every backend of a fleet does alike: one suite, over real servers and over the memory of the simulation."""
