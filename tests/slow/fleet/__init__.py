"""The fleet's databases while servers are killed, lose power, or are replaced by a replica."""
