"""Collecting: what is missing, who brings it, and the spool it lands in before anything else happens to it."""
