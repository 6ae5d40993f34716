"""The MEXC spot v3 client: signing, reading answers, pacing, clock measurement."""
