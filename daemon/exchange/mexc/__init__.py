"""The MEXC spot v3 client: signing, the meaning of answers, pacing, time."""
